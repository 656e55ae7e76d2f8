//! Memory in small pages.

/// Has this process, and those it starts, take memory in pages of 4 KiB. In pages of 2 MiB the rules of a worker take half as
/// much again, for the allocator touches little of many pages, each of which is cleared whole; searching is not faster.
pub fn use_small_pages() {
    // Where it is not possible, memory is wasted.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
