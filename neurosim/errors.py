"""What can go wrong, by kind.  Each error has a built-in parent, so `except ValueError` works."""


class NeurosimError(Exception):
    """Parent of every error that neurosim raises on purpose."""


class ParameterError(NeurosimError, ValueError):
    """A parameter, a state variable or an argument has a value that it cannot have."""


class WiringError(NeurosimError, ValueError):
    """A connection that cannot be made: unknown or removed partners, impossible rule, delay off the grid."""


class RunError(NeurosimError, RuntimeError):
    """A run that cannot go on: not a number in a state, a duration off the grid, memory that is not there."""


class SaveError(NeurosimError, ValueError):
    """A save that cannot be read: unknown version, missing or damaged array, changed function."""


class NeurosimWarning(UserWarning):
    """Something that runs but probably is not what was meant, with the fix in its text."""
