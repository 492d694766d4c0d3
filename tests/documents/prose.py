"""Lines that promise nothing that a client could see: headings, introductions, and how another server is written.

A line stands for all lines that are exactly so. A line that a test holds may not be listed.
"""

from __future__ import annotations

from tests.documents.document import API, PUBLISHER, Document

PROSE: tuple[tuple[Document, tuple[str, ...]], ...] = (
    # The size of the page that the document was.
    (API, ("12 KiB",)),
    # Headings.
    (
        API,
        (
            "Publication Site Management API",
            "Overview",
            "Site Management",
            "Page Management",
            "Base URL",
            "Authentication",
            "Authorization",
            "File Limits",
            "Endpoints",
            "Site Management Endpoints",
            "List Sites for Publisher",
            "List Owned Sites",
            "Create Site",
            "Update Site",
            "Delete Site",
            "Page Management Endpoints",
            "List Pages for Site",
            "Get Page",
            "Create Page",
            "Update Page",
            "Delete Page",
            "File Management Endpoints",
            "List Files",
            "Upload File",
            "Get File Content",
            "Download File",
            "Update File Content",
            "Delete File",
            "Error Responses",
            "Usage Examples",
            "Data Models",
            "PublicationSite",
            "PublicationPage",
            "PublicationSiteRequest",
            "PublicationPageRequest",
            "FileEntry",
            "UpdateFileRequest",
            "Security Notes",
        ),
    ),
    # What introduces the lines that follow.
    (
        API,
        (
            "The Publication API provides comprehensive management capabilities for publication sites and their content"
            " on the Dyson Network platform. It includes:",
            "The following endpoints handle publication site CRUD operations.",
            "The following endpoints handle publication page CRUD operations.",
            "Query Parameters:",
            "Request Body:",
            "Form Data:",
            "Validation:",
            "MIME Types:",
            "Various validation errors including:",
            "Represents a publication site.",
            "Represents a page within a publication site.",
            "Represents a file or directory entry.",
            "Used for creating/updating sites.",
            "Used for creating/updating pages.",
            "Used for updating file content.",
        ),
    ),
    # Headings.
    (
        PUBLISHER,
        (
            "Publisher Endpoints",
            "Purpose",
            "Code Locations (exact paths)",
            "High-Level Responsibilities",
            "Detailed Behavior",
            "Data Structures / Models Involved (no code)",
            "Execution Flow",
            "Cross-Module Interactions",
            "State Transitions",
            "Error Handling",
            "Tenancy Rules",
            "Billing Rules",
            "Background Tasks / Schedulers",
            "Key Design Considerations",
            "How Developers Should Work With This Module",
        ),
    ),
    # What introduces the lines that follow; where and how another server is written.
    (
        PUBLISHER,
        (
            "• Routers register:",
            "• Routing: backend/igny8_core/modules/publisher/urls.py",
            "• Viewsets: backend/igny8_core/modules/publisher/views.py",
            "• Models: backend/igny8_core/business/publishing/models.py",
            "• Use existing viewsets; maintain site/sector scoping and unified response patterns when extending"
            " publisher functionality.",
        ),
    ),
    # Promises that there is nothing: no credits, and no schedule of the endpoints' own.
    (
        PUBLISHER,
        (
            "• None directly in publisher endpoints; any credit usage would occur in upstream AI flows.",
            "• None specific in endpoints; deployments/publishing actions may be driven by services or Celery tasks"
            " elsewhere.",
        ),
    ),
)
