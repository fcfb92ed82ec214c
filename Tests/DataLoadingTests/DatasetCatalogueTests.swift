import CZlib
import DataLoading
import Errors
import Foundation
import Testing

struct DatasetCatalogueTests {
    /// 10,000 test labels by which `entries` tells its sets apart.
    static func testLabels(_ offset: Int) -> [UInt8] { (0..<10_000).map { UInt8(($0 + offset) % 10) } }

    static func entry(_ name: String, _ offset: Int, systemFolders: [String] = []) -> DatasetCatalogue.Entry {
        let labels = testLabels(offset)
        return DatasetCatalogue.Entry(
            name: name, classNames: (0..<10).map { "\(name) \($0)" }, systemFolders: systemFolders,
            installHint: "install \(name)", testLabelsCRC32: UInt32(crc32(0, labels, UInt32(labels.count))))
    }

    static let entries = [entry("digits", 1), entry("letters", 2)]

    static func locate(
        _ name: String, dataDirectory: String? = nil, _ environment: [String: String] = [:],
        entries: [DatasetCatalogue.Entry] = entries
    ) throws -> DatasetLocation {
        try DatasetCatalogue.locate(
            name: name, dataDirectory: dataDirectory, environment: environment, entries: entries)
    }

    @Test func catalogue() {
        #expect(
            DatasetCatalogue.entries.map(\.name)
                == [
                    "fashion-mnist", "mnist", "kmnist", "qmnist", "qmnist-10k", "qmnist-50k", "qmnist-nist",
                    "qmnist-nist-all",
                ])
        for entry in DatasetCatalogue.entries {
            #expect(entry.classNames.count == 10)
            #expect(entry.files.count == (entry.filePrefix == nil ? 4 : 2))
            for text in [entry.title, entry.license, entry.citation, entry.installHint] { #expect(!text.isEmpty) }
            for mirror in entry.mirrors {
                #expect(mirror.hasPrefix("https://") || mirror.hasPrefix("http://"))
                #expect(mirror.hasSuffix("/"))
            }
            for file in entry.files {
                #expect(file.checksum.digest.count == (file.checksum.algorithm == "MD5" ? 32 : 64))
                #expect(file.contentSHA256.map { $0.count == 64 } ?? true)
                let digits = file.checksum.digest + (file.contentSHA256 ?? "")
                #expect(digits.allSatisfy { "0123456789abcdef".contains($0) })
            }
        }
        let digests = DatasetCatalogue.entries.filter { $0.name == $0.folderName }.flatMap(\.files)
            .flatMap { [$0.checksum.digest] + ($0.contentSHA256.map { [$0] } ?? []) }
        #expect(Set(digests).count == digests.count)
    }

    @Test func placesInTheirOrder() throws {
        let folder = try TemporaryFolder()
        let root = folder.path
        let environment = [
            "LOCKSTEP_DATA": "\(root)/first::\(root)/second/:\(root)/absent", "XDG_DATA_HOME": "\(root)/xdg",
            "HOME": "\(root)/home",
        ]
        let entries = [Self.entry("digits", 1, systemFolders: ["\(root)/system/digits"]), Self.entry("letters", 2)]
        // From the last place to the first: each one found hides those before.
        for place in ["system/digits", "xdg/lockstep/digits", "second/digits", "first/digits"] {
            try folder.writeDataset(place)
            let found = try Self.locate("digits", environment, entries: entries)
            #expect(found.folder == "\(root)/\(place)")
            #expect(found.name == "digits")
            #expect(found.classNames == entries[0].classNames)
        }
        try folder.writeDataset("home/.local/share/lockstep/digits")
        let home = "\(root)/home/.local/share/lockstep/digits"
        #expect(try Self.locate("digits", ["HOME": "\(root)/home"]).folder == home)
        #expect(try Self.locate("digits", ["HOME": "\(root)/home", "XDG_DATA_HOME": "relative"]).folder == home)
    }

    @Test func dataDirectoryStandsAlone() throws {
        let folder = try TemporaryFolder()
        try folder.writeDataset("other/digits")
        try folder.writeDataset("flat")
        try FileManager.default.createDirectory(atPath: folder.path + "/empty", withIntermediateDirectories: true)
        let environment = ["LOCKSTEP_DATA": folder.path + "/other"]
        #expect(
            try Self.locate("digits", dataDirectory: folder.path + "/other").folder == folder.path + "/other/digits")
        #expect(try Self.locate("digits", dataDirectory: folder.path + "/flat").folder == folder.path + "/flat")
        let empty = #expect(throws: Failure.self) {
            try Self.locate("digits", dataDirectory: folder.path + "/empty", environment)
        }
        #expect(empty?.kind == .inputNotFound)
        #expect(
            empty?.message
                == "data set digits is not in \(folder.path)/empty/digits, \(folder.path)/empty; install digits")
        let absent = #expect(throws: Failure.self) { try Self.locate("digits", dataDirectory: folder.path + "/absent") }
        #expect(absent?.message.hasPrefix("\(folder.path)/absent: no such folder") == true)
    }

    /// A folder itself is not taken for one set when it holds another.
    @Test func foldersAreNotMistaken() throws {
        let folder = try TemporaryFolder()
        let train = Self.testLabels(0).prefix(20)
        let letters = try folder.writeDataset("letters", train: Array(train), test: Self.testLabels(2))
        let called = try folder.writeDataset("digits", train: Array(train), test: [1, 2])
        let unknown = try folder.writeDataset("data", train: Array(train), test: [1, 2])
        let liar = try folder.writeDataset("lie/digits", train: Array(train), test: Self.testLabels(2))
        func found(_ name: String, _ root: String) -> String? {
            try? Self.locate(name, ["LOCKSTEP_DATA": root]).folder
        }
        #expect(found("letters", letters) == letters)
        #expect(found("digits", letters) == nil)
        #expect(found("letters", liar) == liar)
        #expect(found("digits", liar) == nil)
        #expect(found("digits", called) == called)
        #expect(found("letters", called) == nil)
        #expect(found("digits", unknown) == nil)
        #expect(try Self.locate("digits", dataDirectory: unknown).folder == unknown)

        let failure = #expect(throws: Failure.self) { try Self.locate("digits", ["LOCKSTEP_DATA": letters]) }
        #expect(failure?.message.contains("\(letters) (holds letters)") == true)
        let named = #expect(throws: Failure.self) { try Self.locate("digits", dataDirectory: letters) }
        #expect(named?.message == "\(letters): holds letters, not digits; use --dataset letters")
    }

    /// Broken test labels in a folder of the right name are reported when loaded, not passed over.
    @Test func brokenFilesAreNotPassedOver() throws {
        let folder = try TemporaryFolder()
        let path = try folder.writeDataset("digits")
        try folder.write("digits/t10k-labels-idx1-ubyte.gz", [1, 2, 3, 4])
        let location = try Self.locate("digits", ["LOCKSTEP_DATA": path])
        #expect(location.folder == path)
        #expect(throws: Failure.self) { try location.load() }
    }

    @Test func foldersNamedDirectly() throws {
        let folder = try TemporaryFolder()
        let path = try folder.writeDataset("digits")
        try folder.write("digits/inner/file", [1])
        for text in [path, path + "/", folder.path + "/./digits", path + "/.", path + "/../digits", path + "/inner/.."]
        {
            let location = try Self.locate(text)
            #expect(location.name == "digits")
            #expect(location.classNames == [])
        }
        // A name outside the catalogue is found as a folder, and never as the root itself.
        try folder.writeDataset("own")
        #expect(try Self.locate("own", ["LOCKSTEP_DATA": folder.path]).folder == folder.path + "/own")
        #expect(throws: Failure.self) { try Self.locate("own", ["LOCKSTEP_DATA": folder.path + "/own"]) }

        let file = try folder.write("file", [1])
        for (text, message) in [
            (folder.path + "/absent", "no such folder"), (folder.path, "holds no data set"), (file, "is a file"),
        ] {
            let failure = #expect(throws: Failure.self) { try Self.locate(text) }
            #expect(failure?.kind == .inputNotFound)
            #expect(failure?.message.contains(message) == true, "\(String(describing: failure))")
        }
    }

    @Test func missingFilesAreNamed() throws {
        let folder = try TemporaryFolder()
        let path = try folder.writeDataset("digits")
        try FileManager.default.removeItem(atPath: path + "/train-labels-idx1-ubyte.gz")
        try FileManager.default.removeItem(atPath: path + "/t10k-images-idx3-ubyte.gz")
        let failure = #expect(throws: Failure.self) { try Self.locate("digits", ["LOCKSTEP_DATA": folder.path]) }
        #expect(failure?.kind == .inputNotFound)
        #expect(
            failure?.message
                == "\(path): has no train-labels-idx1-ubyte, t10k-images-idx3-ubyte (plain or .gz) beside the other files"
        )
    }

    @Test(
        arguments: [
            ("fashion-mnits", "fashion-mnist"), ("FashionMNIST", "fashion-mnist"), ("fashion_mnist", "fashion-mnist"),
            ("fashon-mnst", "fashion-mnist"), ("MNIST", "mnist"), ("minst", "mnist"), ("cifar10", nil), ("", nil),
        ] as [(String, String?)])
    func unknownNames(_ name: String, _ expected: String?) throws {
        let failure = #expect(throws: Failure.self) { try DatasetCatalogue.locate(name: name, environment: [:]) }
        #expect(failure?.kind == .inputNotFound)
        let message = failure?.message ?? ""
        #expect(message.contains("unknown data set \"\(name)\""))
        #expect(message.contains("known: fashion-mnist, mnist"))
        #expect(message.contains(expected.map { "(did you mean \($0)?)" } ?? "\"; known"), "\(message)")
        #expect(!message.contains("\n"))
    }

    @Test func notInstalled() throws {
        let failure = #expect(throws: Failure.self) {
            try Self.locate("letters", ["LOCKSTEP_DATA": "/nowhere", "HOME": "/nobody"])
        }
        #expect(
            failure?.message
                == "data set letters is not in /nowhere/letters, /nowhere, /nobody/.local/share/lockstep/letters, "
                + "./letters; install letters")
    }
}
