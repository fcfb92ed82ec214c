import Errors
import Glibc

/// Writes whole files: a reader, or a machine that loses its power, sees the old file or the new one, never a part.
package enum AtomicFile {
    /// The name under which `name` is written before it takes its place.
    package static func temporaryName(of name: String) -> String { ".\(name).\(getpid()).tmp" }

    /// Writes `pieces` one after the other to `path`, replacing what was there.
    ///
    /// A temporary file in the same folder is written, synchronised and renamed, and the folder synchronised. On
    /// failure the temporary file is removed. Two writers of one process must not write the same path at once.
    package static func write(_ pieces: [[UInt8]], to path: String, calls: FileCalls = FileCalls()) throws(Failure) {
        let (folderPath, name) = try split(path)
        let folder = try open(folderPath, in: AT_FDCWD, O_RDONLY | O_DIRECTORY | O_CLOEXEC, path, calls)
        defer { _ = calls.close(folder) }
        let temporary = temporaryName(of: name)
        do throws(Failure) {
            try fill(temporary, in: folder, with: pieces, path, calls)
            guard calls.rename(folder, temporary, name) == 0 else { throw .writing(path, errno) }
        } catch {
            _ = calls.unlink(folder, temporary)
            throw error
        }
        try synchronise(folder, path, calls)
    }

    private static func split(_ path: String) throws(Failure) -> (folder: String, name: String) {
        let bytes = Array(path.utf8)
        let slash = bytes.lastIndex(of: UInt8(ascii: "/"))
        let name = String(decoding: bytes[(slash.map { $0 + 1 } ?? 0)...], as: UTF8.self)
        guard !["", ".", ".."].contains(name), !bytes.contains(0) else {
            throw Failure(.outputRefused, "\(path): cannot be written: not the name of a file")
        }
        guard let slash else { return (".", name) }
        return (slash == 0 ? "/" : String(decoding: bytes[..<slash], as: UTF8.self), name)
    }

    private static func fill(
        _ name: String, in folder: Int32, with pieces: [[UInt8]], _ path: String, _ calls: FileCalls
    ) throws(Failure) {
        // What a dead process of the same number left goes away; a link that waits under this name is not followed.
        _ = calls.unlink(folder, name)
        let file = try open(name, in: folder, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, path, calls)
        do throws(Failure) {
            for piece in pieces { try write(piece, to: file, path, calls) }
            try synchronise(file, path, calls)
        } catch {
            _ = calls.close(file)
            throw error
        }
        // Network file systems report lost writes here. Linux closes the file even when it says EINTR.
        guard calls.close(file) == 0 || errno == EINTR else { throw .writing(path, errno) }
    }

    private static func open(
        _ name: String, in folder: Int32, _ flags: Int32, _ path: String, _ calls: FileCalls
    ) throws(Failure) -> Int32 {
        while true {
            let file = calls.open(folder, name, flags)
            if file >= 0 { return file }
            guard errno == EINTR else { throw .writing(path, errno) }
        }
    }

    private static func write(
        _ bytes: [UInt8], to file: Int32, _ path: String, _ calls: FileCalls
    ) throws(Failure) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { calls.write(file, UnsafeRawBufferPointer(rebasing: $0[written...])) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw .writing(path, count < 0 ? errno : EIO) }
            written += count
        }
    }

    private static func synchronise(_ file: Int32, _ path: String, _ calls: FileCalls) throws(Failure) {
        while calls.sync(file) != 0 {
            // EINVAL: a file system that cannot synchronise this (some, a folder) has nothing to wait for.
            if errno == EINVAL { return }
            guard errno == EINTR else { throw .writing(path, errno) }
        }
    }
}
