import Files
import Foundation
import Surroundings
import Testing

@Suite struct FileLockTests {
    @Test func oneHoldsItUntilItIsReleased() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/lock"
            #expect(!FileLock.isHeld(path))
            let first = try FileLock(path)
            #expect(FileLock.isHeld(path))
            #expect(throws: FileLock.Refusal.isHeld) { try FileLock(path) }
            #expect(throws: FileLock.Refusal.isHeld) { try FileLock(path, patience: .milliseconds(60), isNew: false) }
            first.release()
            #expect(!FileLock.isHeld(path))
            let second = try FileLock(path, isNew: false)
            first.release()
            #expect(FileLock.isHeld(path))
            second.release()
        }
    }

    @Test func itEndsWithItsOwner() throws {
        try withTemporaryFolder { folder in
            do { _ = try FileLock(folder + "/lock") }
            #expect(!FileLock.isHeld(folder + "/lock"))
        }
    }

    @Test(arguments: [FileLock.Patience.untilFree, .milliseconds(60_000)])
    func theNextOneWaits(patience: FileLock.Patience) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/lock"
            let first = try FileLock(path)
            let waiter = Thread {
                _ = try? FileLock(path, patience: patience)
                _ = FileManager.default.createFile(atPath: folder + "/taken", contents: nil)
            }
            waiter.start()
            usleep(100_000)
            #expect(try contents(folder) == ["lock"])
            first.release()
            while !waiter.isFinished { usleep(1_000) }
            #expect(try contents(folder) == ["lock", "taken"])
        }
    }

    /// A process that is started while the lock is held has the file for a moment, too.
    @Test func releasedForAllWhoHaveTheFile() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/lock"
            let lock = try FileLock(path)
            let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
                Int32($0)
            }
            let own = descriptors.filter {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
            }
            try #require(own.count == 1)
            let other = dup(own[0])
            defer { close(other) }
            lock.release()
            #expect(!FileLock.isHeld(path))
        }
    }

    @Test func whatCannotBeLocked() throws {
        try withTemporaryFolder { folder in
            #expect(throws: FileLock.Refusal.impossible(ENOENT)) { try FileLock(folder + "/missing/lock") }
            #expect(throws: FileLock.Refusal.impossible(ENOENT)) { try FileLock(folder + "/lock", isNew: false) }
            #expect(throws: FileLock.Refusal.impossible(EISDIR)) { try FileLock(folder) }
            #expect(!FileLock.isHeld(folder + "/lock"))
            let left = try contents(folder)
            #expect(left == [])
        }
    }
}
