import DatabaseProbe
import Errors
import Foundation
import Sweeps
import Testing

@Suite("Trial store: files that are no store")
struct StoreDamageTests {
    /// What is wrong, and a word of what is said.
    enum Wrong: String, CaseIterable {
        case garbage, picture, cut, otherProgram, newer, noTables

        var words: String {
            switch self {
            case .garbage, .picture, .cut: "is damaged or no database"
            case .otherProgram: "another program"
            case .newer: "newer lockstep (schema 99, this program knows 1)"
            case .noTables: "is damaged or no database"
            }
        }

        func make(_ folder: Folder) throws {
            switch self {
            case .garbage: try folder.write(Array(repeating: Array("not a database\n".utf8), count: 400).joined())
            case .picture:
                try folder.write([0x89, 0x50, 0x4E, 0x47] + (0..<5_000).map { UInt8(truncatingIfNeeded: $0) })
            case .cut:
                try filled(folder)
                try folder.write(folder.bytes().prefix(folder.bytes().count / 2))
            case .otherProgram:
                try RawDatabase(folder.database).execute("CREATE TABLE trials (a); INSERT INTO trials VALUES (1)")
            case .newer:
                try filled(folder)
                // `user_version` in the file's header, big-endian.
                var bytes = try folder.bytes()
                bytes.replaceSubrange(60..<64, with: [0, 0, 0, 99])
                try folder.write(bytes)
            case .noTables:
                try filled(folder)
                try RawDatabase(folder.database).execute("DROP TABLE history")
            }
        }

        private func filled(_ folder: Folder) throws {
            let store = try StoreTests.store(folder)
            for number in 1...30 { try store.save(StoreTests.record(number)) }
        }
    }

    @Test("is refused with its name and what to do, and stays as it is", arguments: Wrong.allCases)
    func refused(wrong: Wrong) throws {
        let folder = try Folder()
        try wrong.make(folder)
        let before = try folder.bytes()
        #expect {
            try TrialStore.read(folder.database)
        } throws: { error in
            let failure = error as? Failure
            #expect(failure?.kind == .data && failure?.message.contains(wrong.words) == true, "\(error)")
            return failure?.message.hasPrefix(folder.database + ": ") == true
        }
        if wrong != .noTables {
            #expect {
                try StoreTests.store(folder)
            } throws: { error in
                let failure = error as? Failure
                return failure?.kind == .data && failure?.message.contains(wrong.words) == true
            }
        }
        #expect(try folder.bytes() == before)
    }

    @Test("an empty file, which a process that is killed at once leaves, is no damage")
    func empty() throws {
        let folder = try Folder()
        try folder.write([])
        #expect(try TrialStore.read(folder.database).trials.isEmpty)
        try StoreTests.store(folder).save(StoreTests.record(1))
        #expect(try TrialStore.read(folder.database).trials.count == 1)
    }

    @Test("another sweep's database is refused")
    func otherSweep() throws {
        let folder = try Folder()
        _ = try StoreTests.store(folder)
        #expect {
            try TrialStore(path: folder.database, plan: StoreTests.plan, file: "method: random\n", overrides: "{}\n")
        } throws: { ($0 as? Failure)?.kind == .outputRefused }
    }

    @Test("bytes that a disk has changed are refused or read, never a crash", arguments: 0..<8)
    func flipped(seed: Int) throws {
        let folder = try Folder()
        let store = try StoreTests.store(folder)
        try store.beginSession(workers: 1, groups: 1, workersPerTrial: 1, hosts: ["a"])
        for number in 1...20 { try store.save(StoreTests.record(number)) }
        let sound = try folder.bytes()
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        var refusals = 0
        for _ in 0..<60 {
            var bytes = sound
            for _ in 0...random(20) { bytes[random(bytes.count)] = UInt8(random(256)) }
            let copy = try Folder()
            try copy.write(bytes)
            do {
                _ = try TrialStore.read(copy.database)
                try StoreTests.store(copy).save(StoreTests.record(21))
            } catch let failure as Failure {
                refusals += 1
                #expect(failure.message.hasPrefix(copy.database), "\(failure)")
            }
        }
        #expect(refusals > 10)
    }
}
