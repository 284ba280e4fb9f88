"""What may be said about a resource when it is made or changed: ARM's request bodies.

They are pure shapes with the rules of single values; rules that need the store are in
``store.resources``. Read-only properties that ARM returns are accepted and dropped, so that a
resource copied out of an ARM template fits.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from store.endpoints import ArmModel, EndpointProperties
from store.endpoints import parse as parse_endpoint
from store.errors import InvalidInput
from store.rules import valid_description, valid_name, valid_pattern, valid_sub_path
from store.settings import MAX_DELETE_PERCENT, MAX_DELETES, MIN_SOURCE_PERCENT, seconds_of
from store.vocabulary import (
    Compare,
    CopyMode,
    DataIntegrityValidation,
    DayOfWeek,
    Durability,
    EndpointKind,
    Frequency,
    JobType,
)

READ_ONLY = frozenset(
    {
        "provisioningState",
        "sourceResourceId",
        "targetResourceId",
        "agentResourceId",
        "sourceIdentity",
        "latestJobRunName",
        "latestJobRunResourceId",
        "latestJobRunStatus",
        "latestJobRunKind",
        "sourceTargetMap",
        "connectionStatus",
        "privateEndpointName",
        "privateEndpointResourceId",
        "jobList",
    }
)


def _without_read_only(value: Any) -> Any:
    return {k: v for k, v in value.items() if k not in READ_ONLY} if isinstance(value, dict) else value


def _ruled(function: Any, *arguments: str) -> AfterValidator:
    def check(value: str) -> str:
        try:
            return str(function(*arguments, value))
        except InvalidInput as error:
            raise ValueError(error.sentence) from error

    return AfterValidator(check)


Description = Annotated[str, BeforeValidator(lambda v: "" if v is None else v), _ruled(valid_description)]
SubPath = Annotated[str, BeforeValidator(lambda v: "" if v is None else v), _ruled(valid_sub_path)]


def name_of(kind: str) -> Any:
    """The type of a resource name of this kind, for bodies and plan files."""
    return _ruled(valid_name, kind)


def _age(value: str) -> str:
    seconds_of(value)
    return value


def _agent_name(value: str) -> str:
    return value and valid_name("agent", value)


AgentName = Annotated[str, BeforeValidator(lambda v: "" if v is None else v), _ruled(_agent_name)]
"""An agent's name; empty for none."""
Pattern = Annotated[str, _ruled(valid_pattern)]
Age = Annotated[str, AfterValidator(_age)]
Size = Annotated[int, Field(strict=True, ge=0, lt=1 << 63)]
Percent = Annotated[int, Field(strict=True, ge=0, le=100)]


class ExecutionTime(ArmModel):
    """Hour 0 to 24 and half hours; 24 only at minute 0 (reference §1, Time)."""

    hour: int = Field(ge=0, le=24)
    minute: int = Field(default=0, multiple_of=30, ge=0, le=30)


class ScheduleInfo(ArmModel):
    """When a definition is to run by itself (reference §1, ScheduleInfo)."""

    frequency: Frequency
    is_active: bool = False
    execution_time: ExecutionTime | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    days_of_week: list[DayOfWeek] = Field(default_factory=list)
    days_of_month: list[Annotated[int, Field(ge=1, le=31)]] = Field(default_factory=list)
    cron_expression: str | None = None


class _Properties(ArmModel):
    """A resource's ``properties``, without what ARM adds to them."""

    @model_validator(mode="before")
    @classmethod
    def _drop_read_only(cls, value: Any) -> Any:
        return _without_read_only(value)


class MoverProperties(_Properties):
    description: Description = ""


class ProjectProperties(_Properties):
    description: Description = ""


class ConnectionProperties(_Properties):
    description: Description = ""
    private_link_service_id: str = Field(min_length=1)


class LimitTime(ArmModel):
    """A time of day in half hours; 24:00 is the end of the day."""

    hour: int = Field(strict=True, ge=0, le=24)
    minute: int = Field(default=0, strict=True, multiple_of=30, ge=0, le=30)

    @property
    def minutes(self) -> int:
        """Since the day began."""
        return self.hour * 60 + self.minute

    @model_validator(mode="after")
    def _within_the_day(self) -> Self:
        if self.minutes > 24 * 60:
            raise ValueError("a day ends at 24:00: write no later time")
        return self


class LimitRecurrence(ArmModel):
    """Some days of every week, from one time to a later one of the same day (reference §1, UploadLimitSchedule)."""

    days: list[DayOfWeek] = Field(min_length=1)
    start_time: LimitTime
    end_time: LimitTime
    limit_in_mbps: int = Field(strict=True, ge=0, lt=1 << 31)
    """0 lets nothing through: a running job is as good as paused."""

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.start_time.minutes >= self.end_time.minutes:
            raise ValueError("a limit must end later in the day than it starts: write one for each day")
        if len(set(self.days)) != len(self.days):
            raise ValueError("a limit names a day twice: name it once")
        return self


class UploadLimitSchedule(ArmModel):
    """When an agent may send how much, by its own clock; nothing is limited at other times."""

    weekly_recurrences: list[LimitRecurrence] = Field(default_factory=list)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        spans = sorted(
            (day, one.start_time.minutes, one.end_time.minutes) for one in self.weekly_recurrences for day in one.days
        )
        for (day, _, ends), (other, starts, _) in pairwise(spans):
            if day == other and starts < ends:
                raise ValueError(f"two limits overlap on {day}: let one end before the other starts")
        return self


class AgentProperties(_Properties):
    """What an admin may say about an agent: all else it says itself (ARM's PATCH)."""

    description: Description = ""
    upload_limit_schedule: UploadLimitSchedule | None = None


class EndpointBody(ArmModel):
    """An endpoint's ``properties``: those of its type, and the common ones beside them."""

    description: Description = ""
    endpoint_kind: EndpointKind | None = None
    location: EndpointProperties

    @model_validator(mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "location" in value:
            return value
        common = {key: value[key] for key in ("description", "endpointKind") if key in value}
        rest = {k: v for k, v in value.items() if k not in common and k not in READ_ONLY}
        return {**common, "location": rest}


class FilterProperties(ArmModel):
    """What of the source is copied: patterns in gitignore's syntax, sizes in bytes, ages such as 30d."""

    include: list[Pattern] = Field(default_factory=list)
    exclude: list[Pattern] = Field(default_factory=list)
    min_size: Size | None = None
    max_size: Size | None = None
    min_age: Age | None = None
    max_age: Age | None = None

    @model_validator(mode="after")
    def _some_left(self) -> Self:
        if self.include and all(pattern.startswith("!") for pattern in self.include):
            raise ValueError("'include' has only patterns with '!', which take away: nothing would be copied")
        if None not in (self.min_size, self.max_size) and self.min_size > self.max_size:  # type: ignore[operator]
            raise ValueError(f"'minSize' {self.min_size} is above 'maxSize' {self.max_size}: no file is both")
        if self.min_age and self.max_age and seconds_of(self.min_age) > seconds_of(self.max_age):
            raise ValueError(f"'minAge' {self.min_age} is above 'maxAge' {self.max_age}: no file is both")
        return self


class GuardProperties(ArmModel):
    """The limits of a Mirror's deletes (DESIGN §5)."""

    max_delete_percent: Percent = MAX_DELETE_PERCENT
    max_deletes: Size = MAX_DELETES
    min_source_percent: Percent = MIN_SOURCE_PERCENT


SETTINGS: Final = frozenset({"filters", "compare", "durability", "trash", "guards"})
"""The properties of a definition that are Longshore's own: how its runs copy."""


class DefinitionProperties(_Properties):
    """A job definition's ``properties``. Source, target and sub-paths are fixed at creation."""

    description: Description = ""
    job_type: JobType = JobType.ON_PREM_TO_CLOUD
    copy_mode: CopyMode
    source_name: Annotated[str, name_of("endpoint")]
    source_subpath: SubPath = ""
    target_name: Annotated[str, name_of("endpoint")]
    target_subpath: SubPath = ""
    agent_name: AgentName = ""
    connections: list[str] = Field(default_factory=list)
    schedule: ScheduleInfo | None = None
    data_integrity_validation: DataIntegrityValidation = DataIntegrityValidation.NONE
    preserve_permissions: bool = True
    filters: FilterProperties = FilterProperties()
    compare: Compare = Compare.SIZE_AND_TIME
    durability: Durability = Durability.END_OF_RUN
    trash: bool = False
    guards: GuardProperties = GuardProperties()

    def settings(self) -> dict[str, Any]:
        """Those of ``SETTINGS`` that are not the default, as ARM spells them."""
        return self.model_dump(mode="json", by_alias=True, include=set(SETTINGS), exclude_defaults=True)


__all__ = [
    "AgentProperties",
    "ConnectionProperties",
    "DefinitionProperties",
    "EndpointBody",
    "MoverProperties",
    "ProjectProperties",
    "ScheduleInfo",
    "name_of",
    "parse_endpoint",
]
