"""Every byte that came in or went out, kept under its SHA-256."""

from connectors.archive.file_archive import ArchiveDamagedError, ArchiveUnavailableError, FileArchive

__all__ = ["ArchiveDamagedError", "ArchiveUnavailableError", "FileArchive"]
