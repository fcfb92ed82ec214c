import CZlib
import DataLoading
import Errors
import Foundation
import Testing

struct DatasetVerificationTests {
    static let environment = ProcessInfo.processInfo.environment

    /// An entry whose files are those of `writeDataset`'s set.
    static func entry(_ name: String, digests: [String?], checksums: [String]) -> DatasetCatalogue.Entry {
        let roles = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"]
        return DatasetCatalogue.Entry(
            name: name, classNames: ["a", "b", "c"], installHint: "install \(name)",
            files: roles.indices.map {
                .init(
                    "\(roles[$0])-ubyte.gz", byteCount: nil, checksum: .md5(checksums[$0], source: "its publisher"),
                    contentSHA256: digests[$0])
            })
    }

    @Test func contentInAnyFormat() throws {
        let folder = try TemporaryFolder()
        let packed = try DatasetCatalogue.locate(name: folder.writeDataset("packed"), environment: [:])
        let unknown = try DatasetVerification(packed, entries: [])
        #expect(unknown.recognisedAs == nil)
        #expect(unknown.files.map(\.finding) == [.unknown, .unknown, .unknown, .unknown])
        #expect(unknown.sampleCounts == [4, 2])
        let digests = unknown.files.map(\.contentSHA256)
        #expect(
            try digests == packed.train.paths.map { try FileVerification(path: $0, entries: []).contentSHA256 }
                + packed.test!.paths.map { try FileVerification(path: $0, entries: []).contentSHA256 })

        let known = Self.entry("known", digests: digests, checksums: ["", "", "", ""])
        let plain = try DatasetCatalogue.locate(name: folder.writeDataset("plain", ending: ""), environment: [:])
        let parts = try packed.parts().parts
        let archive = folder.path + "/archive"
        try DatasetWriter.write(parts, classNames: [], format: .npz, to: archive)
        for location in [packed, plain, try DatasetCatalogue.locate(name: archive, environment: [:])] {
            let verification = try DatasetVerification(location, entries: [known])
            #expect(verification.recognisedAs == "known")
            #expect(verification.problem(as: known) == nil)
        }

        try folder.writeDataset("other", train: [0, 1, 2, 2])
        let other = try DatasetVerification(
            DatasetCatalogue.locate(name: folder.path + "/other", environment: [:]), entries: [known])
        #expect(other.recognisedAs == nil)
        let problem = other.problem(as: known)
        #expect(problem?.kind == .data)
        #expect(
            problem?.message.hasPrefix("\(folder.path)/other/train-labels-idx1-ubyte.gz: is not what is published")
                == true)

        let twin = Self.entry("twin", digests: digests, checksums: ["", "", "", ""])
        #expect(
            try DatasetVerification(packed, entries: [twin]).problem(as: known)?.message.contains(
                "belongs to twin, not to known")
                == true)
    }

    /// Where nobody has said what a file decodes to, the archive tells.
    @Test func archivesByTheirChecksum() throws {
        let folder = try TemporaryFolder()
        let location = try DatasetCatalogue.locate(name: folder.writeDataset("packed"), environment: [:])
        let paths = location.train.paths + location.test!.paths
        let sums = try paths.map { path in
            let result = try ChildTool.run("/usr/bin/md5sum", [path])
            return String(result.prefix(32))
        }
        let entry = Self.entry("packed", digests: [nil, nil, nil, nil], checksums: sums)
        let verification = try DatasetVerification(location, entries: [entry])
        #expect(verification.recognisedAs == "packed")
        #expect(
            verification.files[1].finding
                == .archive(entry: "packed", file: "train-labels-idx1-ubyte.gz", source: "its publisher"))
    }

    static func isInstalled(_ name: String) -> Bool {
        (try? DatasetCatalogue.locate(name: name, environment: environment)) != nil
    }

    @Test(arguments: ["fashion-mnist", "mnist"].filter(isInstalled))
    func installedSets(_ name: String) throws {
        let location = try DatasetCatalogue.locate(name: name, environment: Self.environment)
        let verification = try DatasetVerification(location)
        #expect(verification.recognisedAs == name)
        #expect(verification.sampleCounts == [60_000, 10_000])
    }

    static let qmnist = environment["LOCKSTEP_DATA"].map { $0.split(separator: ":").map { "\($0)/qmnist" } }?
        .first { FileManager.default.fileExists(atPath: "\($0)/qmnist-train-labels-idx2-int.gz") }

    /// QMNIST's real labels: the documented columns, and MNIST's classes in MNIST's order.
    @Test(.enabled(if: qmnist != nil && isInstalled("mnist")))
    func realExtendedLabels() throws {
        let folder = try #require(Self.qmnist)
        let mnist = try DatasetCatalogue.locate(name: "mnist", environment: Self.environment).load()
        for (part, images) in [("train", mnist.train), ("test", mnist.test)] {
            let path = "\(folder)/qmnist-\(part)-labels-idx2-int.gz"
            let labels = try IDXReader(path: path).readPartLabels()
            let origins = try #require(labels.origins)
            #expect(origins.count == 60_000)
            #expect(Array(labels.classes.prefix(images.count)) == images.labels)
            #expect(Set(origins.values(of: .series)).isSubset(of: [0, 1, 4]))
            for writer in origins.values(of: .writer) {
                #expect((0...610).contains(writer) || (2_100...2_599).contains(writer))
            }
            for (label, code) in zip(labels.classes, origins.values(of: .classCode)) {
                #expect(code == Int32(label) + 30)
            }
            #expect(origins.values(of: .indexOfWriter).allSatisfy { (0...149).contains($0) })
            #expect(origins.values(of: .globalIndex).allSatisfy { (0...281_769).contains($0) })
            #expect(origins.values(of: .duplicateOf).allSatisfy { $0 == 0 })
            #expect(origins.values(of: .unused).allSatisfy { $0 == 0 })
            guard case .content("qmnist", let file) = try FileVerification(path: path).finding else {
                Issue.record("\(path) is not recognised")
                continue
            }
            #expect(file == "qmnist-\(part)-labels-idx2-int.gz")
        }
    }

    /// The real labels beside images of the right shape: all parts of QMNIST load.
    @Test(.enabled(if: qmnist != nil))
    func partsOfQMNIST() throws {
        let real = try #require(Self.qmnist)
        let folder = try TemporaryFolder()
        for part in ["train", "test"] {
            // Images of one pixel that tell their index.
            let pixels = (0..<60_000).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
            try folder.write("qmnist/qmnist-\(part)-images-idx3-ubyte", idx(8, [60_000, 1, 2], pixels))
            try FileManager.default.createSymbolicLink(
                atPath: folder.path + "/qmnist/qmnist-\(part)-labels-idx2-int.gz",
                withDestinationPath: "\(real)/qmnist-\(part)-labels-idx2-int.gz")
        }
        let environment = ["LOCKSTEP_DATA": folder.path]
        for (name, rows) in [("qmnist", 0..<60_000), ("qmnist-10k", 0..<10_000), ("qmnist-50k", 10_000..<60_000)] {
            let data = try DatasetCatalogue.locate(name: name, environment: environment).load()
            #expect(data.name == name)
            #expect(data.train.count == 60_000)
            #expect(data.test.count == rows.count)
            #expect(data.test.origins?.count == rows.count)
            for place in [0, rows.count - 1] {
                let index = rows.lowerBound + place
                #expect(data.test.image(place) == [UInt8(index & 255), UInt8(index >> 8)])
            }
        }
    }
}
