"""TenantsDocument <-> the one item of `cursor_state` that has it."""

from __future__ import annotations

from workerflow.adapters.dynamodb.attributes import Item, reading, squeezed, stretched
from workerflow.ports.tenants import TenantsDocument

KEY: Item = {"pk": "#tenants", "sk": "-"}
"""Where the document stands: no tenant's id begins with `#`."""


def to_item(document: TenantsDocument) -> Item:
    """The whole document; its text compressed where that is smaller."""
    return {
        **KEY,
        **squeezed("document", document.text.encode()),
        "version": document.version,
        "nonce": document.nonce,
    }


def from_item(item: Item) -> TenantsDocument:
    """Read what `to_item` wrote. Raises IntegrityError for anything else."""
    with reading("tenants document", item):
        return TenantsDocument(
            text=(stretched("document", item) or b"").decode(),
            version=item["version"],
            nonce=item["nonce"],
        )
