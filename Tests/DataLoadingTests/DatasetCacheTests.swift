import DataLoading
import Errors
import Foundation
import Testing

struct DatasetCacheTests {
    /// 17 MiB of pixels: enough to be kept.
    static func location(_ folder: TemporaryFolder, count: Int = 1_100) throws -> DatasetLocation {
        let pixels = (0..<count * 128 * 128).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        let labels = (0..<count).map { UInt8($0 % 7) }
        for part in ["train", "t10k"] {
            let used = part == "train" ? count : 3
            try folder.write(
                "large/\(part)-images-idx3-ubyte", idx(8, [used, 128, 128], Array(pixels.prefix(used * 128 * 128))))
            try folder.write("large/\(part)-labels-idx1-ubyte", idx(8, [used], Array(labels.prefix(used))))
        }
        return try DatasetCatalogue.locate(name: folder.path + "/large", environment: [:])
    }

    @Test func whereItLies() {
        #expect(DatasetCache(environment: ["LOCKSTEP_CACHE": "/a", "HOME": "/h"])?.folder == "/a")
        #expect(DatasetCache(environment: ["LOCKSTEP_CACHE": "off", "HOME": "/h"]) == nil)
        #expect(DatasetCache(environment: ["XDG_CACHE_HOME": "/x", "HOME": "/h"])?.folder == "/x/lockstep")
        #expect(DatasetCache(environment: ["XDG_CACHE_HOME": "x", "HOME": "/h"])?.folder == "/h/.cache/lockstep")
        #expect(DatasetCache(environment: [:]) == nil)
    }

    @Test func keptAndFoundAgain() throws {
        let folder = try TemporaryFolder()
        let location = try Self.location(folder)
        let plain = try location.load()
        let cache = DatasetCache(folder: folder.path + "/cache")
        for _ in 0..<2 {
            let data = try cache.load(location)
            #expect(data.identity == plain.identity && data.computedIdentity == plain.identity)
            #expect(data.name == "large")
            #expect(data.train.labels == plain.train.labels)
            #expect(data.test.image(2) == plain.test.image(2))
        }
        #expect(
            try cache.files().map(\.name) == [try cache.path(of: location).split(separator: "/").last.map(String.init)])
        #expect(try FileManager.default.contentsOfDirectory(atPath: cache.folder).count == 1)

        // It is the file that is read: with its labels changed, others come out.
        let path = try cache.path(of: location)
        var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        let labels = 4_096 + 1_100 * 128 * 128
        #expect(bytes[labels + 1] == 1)
        bytes[labels + 1] = 6
        try FileManager.default.removeItem(atPath: path)
        try Data(bytes).write(to: URL(filePath: path))
        #expect(try cache.load(location).train.labels[1] == 6)

        // Other files in the same place make another cache in the same place.
        try folder.write("large/train-labels-idx1-ubyte", idx(8, [1_100], [UInt8](repeating: 5, count: 1_100)))
        let changed = try cache.load(location)
        #expect(changed.train.labels == [UInt8](repeating: 5, count: 1_100))
        #expect(try cache.path(of: location) == path)
        #expect(try cache.load(location).computedIdentity == location.load().computedIdentity)
        // Who held the old one keeps it.
        #expect(plain.train.labels[6] == 6)
        try cache.clear()
        #expect(try cache.files().isEmpty)
        #expect(changed.train.image(1_099) == plain.train.image(1_099))
    }

    @Test func damagedFilesAreMadeAnew() throws {
        let folder = try TemporaryFolder()
        let location = try Self.location(folder)
        let cache = DatasetCache(folder: folder.path + "/cache")
        let identity = try cache.load(location).computedIdentity
        let path = try cache.path(of: location)
        let good = [UInt8](try Data(contentsOf: URL(filePath: path)))
        let headerText = good.prefix { $0 != 0 }.count
        var cases = [Array(good.prefix(100)), Array(good.dropLast()), good + [0], []]
        for place in stride(from: 0, to: headerText, by: 7) {
            cases.append(good.replacing(place, with: good[place] ^ 1))
        }
        // A label outside the classes.
        cases.append(good.replacing(4_096 + 1_100 * 128 * 128, with: 200))
        for bytes in cases {
            try FileManager.default.removeItem(atPath: path)
            try Data(bytes).write(to: URL(filePath: path))
            #expect(try cache.load(location).computedIdentity == identity)
            let restored = [UInt8](try Data(contentsOf: URL(filePath: path)))
            #expect(restored == good)
        }
    }

    @Test func smallSetsAndClosedFoldersDoWithout() throws {
        let folder = try TemporaryFolder()
        let small = try DatasetCatalogue.locate(name: folder.writeDataset("small"), environment: [:])
        let cache = DatasetCache(folder: folder.path + "/cache")
        #expect(try cache.load(small).train.labels == [0, 1, 2, 1])
        #expect(try cache.files().isEmpty)
        let blocked = DatasetCache(folder: try folder.write("file", [1]) + "/below")
        #expect(try blocked.load(small).train.labels == [0, 1, 2, 1])
        let location = try Self.location(folder)
        #expect(try blocked.load(location).computedIdentity == location.load().computedIdentity)
        let broken = try folder.writeDataset("broken")
        try folder.write("broken/train-labels-idx1-ubyte.gz", [1, 2, 3, 4])
        #expect(throws: Failure.self) {
            try cache.load(DatasetCatalogue.locate(name: broken, environment: [:]))
        }
    }

    /// Drawn into the file piece by piece, and the same as drawn in memory.
    @Test func syntheticDigits() throws {
        let folder = try TemporaryFolder()
        let location = try DatasetCatalogue.locate(name: "synthetic-digits:21000+500@3", environment: [:])
        let cache = DatasetCache(folder: folder.path)
        let mapped = try cache.load(location)
        #expect(try cache.files().count == 1)
        let drawn = try location.load()
        #expect(mapped.computedIdentity == drawn.computedIdentity)
        #expect(try cache.load(location).computedIdentity == drawn.computedIdentity)
    }

    /// Several at once: one makes it, all get the same.
    @Test func manyAtOnce() async throws {
        let folder = try TemporaryFolder()
        let location = try Self.location(folder)
        let cache = DatasetCache(folder: folder.path + "/cache")
        let identities = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<6 { group.addTask { try cache.load(location).computedIdentity } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(try identities == [location.load().computedIdentity])
        #expect(try cache.files().count == 1)
    }

    #if os(Linux)
        /// Who shares has the same pages, and nothing of them is left in the end.
        @Test func heldOnce() throws {
            let folder = try TemporaryFolder()
            let location = try Self.location(folder)
            let cache = DatasetCache(folder: folder.path + "/cache")
            let first = try cache.load(location, isShared: true)
            try #require(try Self.memories(of: location).count == 1, "this system has no pages of 2 MiB to share")
            let second = try cache.load(location, isShared: true)
            #expect(second.computedIdentity == first.computedIdentity)
            #expect(try first.computedIdentity == location.load().computedIdentity)
            let memories = try Self.memories(of: location)
            #expect(memories.count == 2)
            #expect(Set(memories).count == 1)
            #expect(try cache.load(location).computedIdentity == first.computedIdentity)
            #expect(try Self.memories(of: location).count == 2)
            withExtendedLifetime((first, second)) {}
        }

        @Test func nothingOfItIsLeft() throws {
            let folder = try TemporaryFolder()
            let location = try Self.location(folder)
            let cache = DatasetCache(folder: folder.path + "/cache")
            _ = try cache.load(location, isShared: true).train.labels.count
            #expect(try Self.memories(of: location).isEmpty)
        }

        /// The inodes of what this process has open of that data set.
        private static func memories(of location: DatasetLocation) throws -> [UInt64] {
            let path = "/memfd:lockstep-\(try location.sourceSignature())"
            return try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { name in
                guard let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)"),
                    link.hasPrefix(path)
                else { return nil }
                var status = stat()
                return stat("/proc/self/fd/\(name)", &status) == 0 ? UInt64(status.st_ino) : nil
            }
        }
    #endif
}
