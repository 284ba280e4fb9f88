"""The screens: they show and command, and hold no rule and no SQL."""
