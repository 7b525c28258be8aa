"""What a journal holds, in one order: rows of requests, acts for the audit log, what is kept of content."""

from __future__ import annotations

from headgate.core.audit import Noting
from headgate.core.captured import Captured
from headgate.core.entry import Entry

Row = Entry | Noting | Captured
