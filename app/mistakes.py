"""What users can mend, told in one sentence. Imported when something went wrong, and not before."""

from sqlalchemy.exc import OperationalError

from app.analysis.ask import NothingToCompare
from app.commons.scenario import UnknownName
from app.interop.bundle import BundleRefused
from app.interop.chats import NoChats
from app.interop.export import ExportError
from app.interop.files import NothingToImport
from app.interop.research_log import NothingToExport
from app.interop.unbundle import UnreadableBundle
from app.jobs.budgets import BudgetError
from app.jobs.launch_plan import LaunchError
from app.jobs.rerun import NotRerunnable
from app.keeping.archive import UnusableBackup
from app.keeping.backup import BackupRefused
from app.keeping.copy import CopyRefused
from app.keeping.restore import RestoreRefused
from app.minds.prompts import PromptError
from app.models.base import ModelError
from app.settings import SettingsError
from app.store.connect import DatabaseError
from app.store.controls import StateConflict
from app.store.plans import PlanConflict, PlanRefused
from app.store.retention import RetentionError
from app.store.runs import DeletedRun, UnknownExperiment, UnknownRun
from app.subskills.plan import SubskillPlanError
from app.subskills.research import UnreadableResults

# Their own text is the sentence.
KNOWN = (
    NothingToCompare,
    SettingsError,
    DatabaseError,
    ModelError,
    LaunchError,
    BudgetError,
    StateConflict,
    PromptError,
    PlanConflict,
    PlanRefused,
    NothingToImport,
    NoChats,
    NothingToExport,
    ExportError,
    NotRerunnable,
    UnknownName,
    SubskillPlanError,
    UnreadableResults,
    BackupRefused,
    BundleRefused,
    UnreadableBundle,
    CopyRefused,
    RestoreRefused,
    RetentionError,
    UnusableBackup,
)


def told(error: Exception) -> str | None:
    """Return the sentence for *error*; None for a defect, which nobody can mend by calling otherwise."""
    match error:
        case DeletedRun():
            return f"Run '{error}' was deleted on {error.moment:%Y-%m-%d}. Bring it back in the browser."
        case UnknownRun():
            return f"There is no run '{error}' in this database."
        case UnknownExperiment():
            return f"There is no experiment '{error}' in this database."
        case OperationalError():
            return f"The database cannot be used: {error.orig}. Free disk space or mend it, then try again."
        case OSError():
            return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    return str(error) if isinstance(error, KNOWN) else None
