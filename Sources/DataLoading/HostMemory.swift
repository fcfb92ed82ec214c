import CMachine
import Glibc

/// Bytes in pages of 2 MiB that the processes of a host hold once: a file in memory (`memfd_create`), sealed once it is
/// filled, which others find by its name among the open files of this user's processes and map.
///
/// It has no place in any folder, so nothing of it is left when the last of them has ended, however it ended.
final class HostMemory {
    /// As much memory as a page of 2 MiB has; the file is a multiple.
    private static let pageByteCount = 2 << 20

    /// Less is not worth it.
    static let smallestByteCount = 1 << 20

    let byteCount: Int
    private let descriptor: Int32

    /// `byteCount` bytes of `file`, from `offset` on, under `name`, which says what they are. Nil where the system has no
    /// such memory, or no pages of 2 MiB for it (Linux before 6.1): a private copy in such pages is faster to read then.
    init?(name: String, copying file: InputFile, offset: Int, byteCount: Int) throws {
        let target = lockstep_memory_file(name)
        guard target >= 0 else { return nil }
        defer { close(target) }
        let rounded = Self.rounded(byteCount)
        guard try file.send(to: target, from: offset, count: byteCount), ftruncate(target, off_t(rounded)) == 0,
            let address = Self.map(target, rounded)
        else { return nil }
        let hasHugePages = lockstep_collapse_pages(address, rounded) == 0
        munmap(address, rounded)
        guard hasHugePages, lockstep_seal(target) == 0 else { return nil }
        // Before Linux 6.7 what is sealed is only mapped where it is open for reading alone.
        self.byteCount = byteCount
        descriptor = open("/proc/self/fd/\(target)", O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return nil }
    }

    /// What a process of this user, perhaps this one, has under `name`.
    init?(finding name: String, byteCount: Int) {
        self.byteCount = byteCount
        var found: Int32 = -1
        for path in Self.openFiles(linkedTo: "/memfd:\(name) (deleted)") where found < 0 {
            found = open(path, O_RDONLY | O_CLOEXEC)
            var status = stat()
            let isWhole =
                found >= 0 && fstat(found, &status) == 0 && Int(status.st_size) == Self.rounded(byteCount)
                && lockstep_is_sealed(found) != 0
            if found >= 0 && !isWhole {
                close(found)
                found = -1
            }
        }
        descriptor = found
        if found < 0 { return nil }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// For reading; as long as the host memory lives, others find it.
    func map() -> UnsafeMutableRawPointer? {
        Self.map(descriptor, Self.rounded(byteCount))
    }

    func unmap(_ address: UnsafeMutableRawPointer) { munmap(address, Self.rounded(byteCount)) }

    private static func rounded(_ byteCount: Int) -> Int {
        (byteCount + pageByteCount - 1) / pageByteCount * pageByteCount
    }

    /// At a multiple of 2 MiB, without which a huge page cannot be mapped as one.
    private static func map(_ descriptor: Int32, _ byteCount: Int) -> UnsafeMutableRawPointer? {
        let reserved = byteCount + pageByteCount
        guard
            let space = mmap(nil, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            space != MAP_FAILED
        else { return nil }
        let address = UnsafeMutableRawPointer(
            bitPattern: (UInt(bitPattern: space) + UInt(pageByteCount) - 1) / UInt(pageByteCount) * UInt(pageByteCount))!
        let before = address - space
        if before > 0 { munmap(space, before) }
        if reserved - before > byteCount { munmap(address + byteCount, reserved - before - byteCount) }
        guard mmap(address, byteCount, PROT_READ, MAP_SHARED | MAP_FIXED, descriptor, 0) == address else {
            munmap(address, byteCount)
            return nil
        }
        return address
    }

    /// Paths in /proc of open files that are `link`; of processes that may be looked into.
    private static func openFiles(linkedTo link: String) -> [String] {
        let wanted = Array(link.utf8)
        var found: [String] = []
        for process in names("/proc") where process.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            let folder = "/proc/\(process)/fd"
            for file in names(folder) {
                let path = "\(folder)/\(file)"
                let isWanted = withUnsafeTemporaryAllocation(of: CChar.self, capacity: wanted.count + 1) { target in
                    readlink(path, target.baseAddress!, target.count) == wanted.count
                        && zip(target, wanted).allSatisfy { UInt8(bitPattern: $0) == $1 }
                }
                if isWanted { found.append(path) }
            }
        }
        return found
    }

    private static func names(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafeBytes(of: entry.pointee.d_name) { raw in
                    String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
                })
        }
        return names
    }
}
