import DataLoading
import Errors
import Foundation
import Testing

/// QMNIST's files of all of NIST's digits, in small.
struct NISTTests {
    /// Series of the digits, in their order.
    static let series: [Int32] = [0, 4, 6, 1, 7, 4, 2, 3, 0, 4]

    private static func write(_ folder: TemporaryFolder, labels: [UInt8]? = nil) throws {
        let rows = series.enumerated().flatMap { index, series -> [Int32] in
            [Int32(index), series, Int32(100 + index), 0, Int32(0x30 + index), Int32(index), 0, 0]
        }
        let pixels = (0..<series.count * 4).map { UInt8($0) }
        try folder.write("qmnist/xnist-images-idx3-ubyte", idx(8, [series.count, 2, 2], pixels))
        try folder.write(
            "qmnist/xnist-labels-idx2-int", labels ?? idx(0x0C, [series.count, 8], rows.flatMap { bigEndian($0) }))
    }

    private static func locate(_ name: String, _ folder: TemporaryFolder) throws -> DatasetLocation {
        try DatasetCatalogue.locate(name: name, dataDirectory: folder.path, environment: [:])
    }

    @Test func partsAreSeries() throws {
        let folder = try TemporaryFolder()
        try Self.write(folder)
        let data = try Self.locate("qmnist-nist", folder).load()
        #expect(data.train.labels == [0, 3, 6, 7, 8] && data.test.labels == [1, 5, 9])
        #expect(data.train.origins?.values(of: .series) == [0, 1, 2, 3, 0])
        #expect(data.test.origins?.values(of: .writer) == [101, 105, 109])
        #expect(data.test.image(1) == [20, 21, 22, 23] && data.classCount == 10)
        #expect(try Self.locate("qmnist-nist", folder).parts().parts.map(\.part) == [.train, .test])
        let other = try Self.locate("qmnist-nist-all", folder)
        #expect(try other.parts().parts.map(\.images.count) == [10])
        let failure = #expect(throws: Failure.self) { try other.load() }
        #expect(failure?.message.contains("there is no test part") == true)
        // Nothing is known of what xz packs: no other data set, and no lie.
        let entry = try #require(DatasetCatalogue.entries.first { $0.name == "qmnist-nist" })
        let verification = try DatasetVerification(Self.locate("qmnist-nist", folder))
        #expect(verification.recognisedAs == nil && verification.sampleCounts == [10])
        #expect(verification.problem(as: entry) == nil)
    }

    @Test func whatIsMissingIsNamed() throws {
        let folder = try TemporaryFolder()
        try Self.write(folder, labels: idx(8, [10], (0..<10).map { UInt8($0) }))
        // The usual labels tell no series.
        try FileManager.default.moveItem(
            atPath: folder.path + "/qmnist/xnist-labels-idx2-int",
            toPath: folder.path + "/qmnist/xnist-labels-idx1-ubyte")
        let plain = #expect(throws: Failure.self) { try Self.locate("qmnist-nist", folder).load() }
        #expect(plain?.kind == .data && plain?.message.contains("its labels tell no series") == true)
        try FileManager.default.removeItem(atPath: folder.path + "/qmnist/xnist-labels-idx1-ubyte")
        let alone = #expect(throws: Failure.self) { try Self.locate("qmnist-nist", folder) }
        #expect(alone?.message.contains("has no xnist-labels-idx2-int") == true)
        try folder.write("qmnist/xnist-labels-idx2-int.xz", [0xfd, 0x37, 0x7a])
        let packed = #expect(throws: Failure.self) { try Self.locate("qmnist-nist", folder) }
        #expect(packed?.message.contains("xz --decompress --keep") == true)
        // QMNIST's own files are another data set in the same folder.
        let other = #expect(throws: Failure.self) { try Self.locate("qmnist", folder) }
        #expect(other?.kind == .inputNotFound)
    }
}
