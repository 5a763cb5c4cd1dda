"""Everything below an address, as the bucket lists it now."""

from collections.abc import Callable, Iterator

from curation.buckets.addresses import Address
from curation.buckets.opening import opened
from curation.buckets.patience import GivenUpError, patiently
from curation.buckets.store import Entry, Page, Store
from curation.core.errors import BucketError

_PATIENCE_S = 120.0

Alive = Callable[[], object]
"""Called about every second."""


def entries(address: Address, alive: Alive) -> Iterator[Entry]:
    """List all that lies below an address, in no order; a request that fails is made again.

    Args:
        address: what the objects' own addresses begin with.
        alive: called about every second.

    Yields:
        Objects, their keys relative to the address.

    Raises:
        BucketError: the bucket cannot be listed.
    """
    store, key = opened(address)
    following: object | None = None
    while True:
        try:
            page = _page(store, key, following, alive)
        except GivenUpError as error:
            raise BucketError(f"{address.text} cannot be listed: {error.reason}") from None
        for entry in page.entries:
            yield Entry(entry.key.removeprefix(key), entry.size, entry.etag, entry.version, entry.archive)
        if page.following is None:
            return
        following = page.following


def _page(store: Store, key: str, following: object | None, alive: Alive) -> Page:
    return patiently(
        lambda: store.page(key, following),
        timeout_s=max(_PATIENCE_S, store.page_s),
        answer_s=store.page_s,
        alive=alive,
    )


def lacks_versions(address: Address) -> bool:
    """Return whether the store of an address has refused to list versions so far."""
    store, _ = opened(address)
    return store.refuses_versions
