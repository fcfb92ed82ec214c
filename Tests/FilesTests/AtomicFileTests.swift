import Errors
import Files
import Foundation
import Surroundings
import Synchronization
import Testing

@Suite struct AtomicFileTests {
    @Test func replacesWhatWasThere() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a"
            try write([UInt8](repeating: 1, count: 100_000), path)
            // What a killed process of this number may have left.
            try write([9], folder + "/" + AtomicFile.temporaryName(of: "a"))
            try AtomicFile.write([[1, 2], [], [3]], to: path)
            #expect(try bytes(path) == [1, 2, 3])
            #expect(try contents(folder) == ["a"])
        }
    }

    @Test func aLinkUnderTheTemporaryNameIsNotFollowed() throws {
        try withTemporaryFolder { folder in
            try write([7], folder + "/victim")
            let link = folder + "/" + AtomicFile.temporaryName(of: "a")
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder + "/victim")
            try AtomicFile.write([[1]], to: folder + "/a")
            #expect(try bytes(folder + "/victim") == [7])
            #expect(try contents(folder) == ["a", "victim"])
        }
    }

    /// Targets below `folder`, which holds the file `file` and the folder `directory`.
    @Test(arguments: [
        ("missing/a", "No such file or directory"), ("file/a", "Not a directory"), ("directory", "Is a directory"),
        ("", "not the name of a file"), ("directory/", "not the name of a file"), ("..", "not the name of a file"),
        ("a\u{0}b", "not the name of a file"), (String(repeating: "n", count: 300), "File name too long"),
    ]) func refusedTargets(target: String, reason: String) throws {
        try withTemporaryFolder { folder in
            try write([7], folder + "/file")
            try FileManager.default.createDirectory(atPath: folder + "/directory", withIntermediateDirectories: false)
            let path = folder + "/" + target
            let failure = failure { () throws(Failure) in try AtomicFile.write([[1]], to: path) }
            #expect(failure == Failure(.outputRefused, "\(path): cannot be written: \(reason)"))
            #expect(try contents(folder) == ["directory", "file"])
            #expect(try contents(folder + "/directory") == [])
            #expect(try bytes(folder + "/file") == [7])
        }
    }

    /// What a scripted file system was asked to do, and how it answers call number `failing`.
    final class Script: Sendable {
        let counter = Atomic<Int>(0)
        let failing: Int
        let code: Int32

        init(failing: Int, code: Int32) {
            self.failing = failing
            self.code = code
        }

        /// True, with `errno` set, when the call that now comes must fail.
        func fails() -> Bool {
            guard counter.wrappingAdd(1, ordering: .relaxed).oldValue == failing else { return false }
            errno = code
            return true
        }

        var calls: FileCalls {
            let real = FileCalls()
            var calls = FileCalls()
            calls.open = { self.fails() ? -1 : real.open($0, $1, $2) }
            // At most 5 bytes at a time: every write is short.
            calls.write = { self.fails() ? -1 : real.write($0, UnsafeRawBufferPointer(rebasing: $1.prefix(5))) }
            calls.sync = { self.fails() ? -1 : real.sync($0) }
            calls.close = {
                // The descriptor is gone even when close reports a failure.
                let result = real.close($0)
                return self.fails() ? -1 : result
            }
            calls.rename = { self.fails() ? -1 : real.rename($0, $1, $2) }
            calls.unlink = { real.unlink($0, $1) }
            return calls
        }
    }

    /// 12 bytes in writes of 5: open folder, open file, 4 writes (5 + 2, 5 + 0 pieces below), fsync, close, rename, …
    static let pieces: [[UInt8]] = [[0, 1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11]]
    static let callCount = 10

    @Test(arguments: [EIO, ENOSPC, EDQUOT, EACCES, EROFS], 0..<callCount)
    func aFailingCallLeavesTheOldFileOrTheNew(code: Int32, failing: Int) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a"
            try write([42], path)
            let script = Script(failing: failing, code: code)
            let failure = failure { () throws(Failure) in
                try AtomicFile.write(Self.pieces, to: path, calls: script.calls)
            }
            #expect(try contents(folder) == ["a"])
            // The calls after the rename: the folder's fsync, and its close, which loses nothing.
            let isRenamed = failing >= Self.callCount - 2
            #expect(try bytes(path) == (isRenamed ? Self.pieces.flatMap { $0 } : [42]))
            if failing == Self.callCount - 1 {
                #expect(failure == nil)
            } else {
                let kind: Failure.Kind = [EACCES, EROFS].contains(code) ? .outputRefused : .inputOutput
                #expect(failure == Failure(kind, "\(path): cannot be written: \(systemMessage(code))"))
            }
        }
    }

    @Test(arguments: 0..<callCount) func anInterruptedCallIsRepeated(failing: Int) throws {
        try withTemporaryFolder { folder in
            let script = Script(failing: failing, code: EINTR)
            let failure = failure { () throws(Failure) in
                try AtomicFile.write(Self.pieces, to: folder + "/a", calls: script.calls)
            }
            let renames = 7
            if failing == renames {
                #expect(failure?.kind == .inputOutput)
                let left = try contents(folder)
                #expect(left == [])
            } else {
                #expect(failure == nil)
                let left = try bytes(folder + "/a")
                #expect(left == Self.pieces.flatMap { $0 })
            }
        }
    }

    @Test func theNumberOfCallsIsWhatTheTablesAssume() throws {
        try withTemporaryFolder { folder in
            let script = Script(failing: -1, code: 0)
            try AtomicFile.write(Self.pieces, to: folder + "/a", calls: script.calls)
            #expect(script.counter.load(ordering: .relaxed) == Self.callCount)
            #expect(try bytes(folder + "/a") == Self.pieces.flatMap { $0 })
        }
    }

    @Test func aWriteThatDoesNothingIsAFailure() throws {
        try withTemporaryFolder { folder in
            var calls = FileCalls()
            calls.write = { _, _ in 0 }
            let failure = failure { () throws(Failure) in
                try AtomicFile.write([[1]], to: folder + "/a", calls: calls)
            }
            #expect(failure?.kind == .inputOutput)
            let left = try contents(folder)
            #expect(left == [])
        }
    }
}

/// The failure that `body` throws, if it throws one.
private func failure<Result>(_ body: () throws(Failure) -> Result) -> Failure? {
    do {
        _ = try body()
        return nil
    } catch { return error }
}
