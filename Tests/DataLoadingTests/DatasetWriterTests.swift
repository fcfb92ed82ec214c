import DataLoading
import Errors
import Foundation
import Testing

struct DatasetWriterTests {
    static let parts: [(part: DatasetPart, images: LabelledImages)] = {
        let data = try! DatasetCatalogue.locate(name: "synthetic-digits:40+20", environment: [:]).load()
        return [
            (.train, data.train), (.validation, try! data.train.selecting((5..<15).map { Int32($0) })),
            (.test, data.test),
        ]
    }()

    @Test(arguments: DatasetFormat.allCases)
    func whatIsWrittenIsReadAgain(_ format: DatasetFormat) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/new/digits"
        let names = (0..<10).map { "digit \($0)" }
        try DatasetWriter.write(Self.parts, classNames: names, format: format, to: path + "/")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/new") == ["digits"])
        let data = try DatasetCatalogue.locate(name: path, environment: [:]).load()
        let read = [data.train, try #require(data.validation), data.test]
        for (read, written) in zip(read, Self.parts.map(\.images)) {
            guard format == .pictures else {
                #expect(read.labels == written.labels)
                #expect(read.pixels.copy == written.pixels.copy)
                continue
            }
            // Class by class.
            let order = written.labels.indices.sorted { (written.labels[$0], $0) < (written.labels[$1], $1) }
            #expect(read.labels == order.map { written.labels[$0] })
            #expect(read.pixels.copy == order.flatMap { written.image($0) })
        }
        #expect(data.classNames == (format == .pictures ? (0..<10).map(String.init) : names))
    }

    /// Digits that are drawn straight into the files are those that are drawn into memory, across chunks of a thousand.
    @Test(arguments: [DatasetFormat.idx, .idxGzip]) func drawnDigits(_ format: DatasetFormat) throws {
        let folder = try TemporaryFolder()
        let location = try DatasetCatalogue.locate(name: "synthetic-digits:2050+1000@5", environment: [:])
        let counts = try DatasetWriter.writeDrawn(location, format: format, to: folder.path + "/drawn")
        #expect(counts?.map(\.count) == [2_050, 1_000])
        let (parts, names) = try location.parts()
        try DatasetWriter.write(parts, classNames: names, format: format, to: folder.path + "/loaded")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/loaded").sorted()
        #expect(files.count == 5)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/drawn").sorted() == files)
        for file in files {
            #expect(
                FileManager.default.contentsEqual(
                    atPath: "\(folder.path)/drawn/\(file)", andPath: "\(folder.path)/loaded/\(file)"))
        }
        #expect(try DatasetWriter.writeDrawn(location, format: .npz, to: folder.path + "/npz") == nil)
    }

    @Test func coloursAndExtendedLabels() throws {
        let folder = try TemporaryFolder()
        let pixels = (0..<48).map { UInt8($0) }
        let colours = LabelledImages(
            pixels: try ByteBuffer(pixels), labels: [1, 0], height: 2, width: 4, channels: 3, classCount: 2)
        for format in [DatasetFormat.idx, .npz, .pictures] {
            let path = folder.path + "/\(format.rawValue)"
            try DatasetWriter.write([(.train, colours), (.test, colours)], classNames: [], format: format, to: path)
            let data = try DatasetCatalogue.locate(name: path, environment: [:]).load()
            #expect(data.imageShape == (2, 4, 3))
            #expect(data.train.image(format == .pictures ? 1 : 0) == Array(pixels[..<24]))
        }
        let table = #expect(throws: Failure.self) {
            try DatasetWriter.write([(.train, colours)], classNames: [], format: .csv, to: folder.path + "/csv")
        }
        #expect(table?.kind == .usage)
        // Nothing is left of what failed.
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["idx", "npz", "pictures"])

        // QMNIST's rows stay with their samples.
        let rows: [Int32] = [1, 0, 7, 1, 0x31, 5, 0, 0, 0, 4, 2_100, 2, 0x30, 9, 0, 0, 1, 1, 8, 3, 0x31, 11, 0, 0]
        let labelFile = idx(0x0C, [3, 8], rows.flatMap { bigEndian($0) })
        for part in ["train", "test"] {
            try folder.write("own/qmnist-\(part)-images-idx3-ubyte", idx(8, [3, 1, 2], [1, 2, 3, 4, 5, 6]))
            try folder.write("own/qmnist-\(part)-labels-idx2-int.gz", gzip(labelFile))
        }
        let data = try DatasetCatalogue.locate(name: folder.path + "/own", environment: [:]).load()
        let reversed = try data.train.selecting([2, 0])
        #expect(reversed.origins?.values(of: .writer) == [8, 7])
        #expect(reversed.origins?.value(.series, of: 0) == 1)
        try DatasetWriter.write(
            [(.train, reversed), (.test, data.test)], classNames: [], format: .idxGzip, to: folder.path + "/again")
        let again = try DatasetCatalogue.locate(name: folder.path + "/again", environment: [:]).load()
        #expect(again.train.origins == reversed.origins)
        #expect(again.test.origins == data.test.origins)
        #expect(again.train.labels == [1, 1])
    }

    @Test func nothingIsOverwritten() throws {
        let folder = try TemporaryFolder()
        try folder.write("there/file", [1])
        for path in ["there", "there/file", "there/file/below"] {
            let failure = #expect(throws: Failure.self) {
                try DatasetWriter.write(Self.parts, classNames: [], format: .idx, to: folder.path + "/" + path)
            }
            #expect(failure?.kind == .outputRefused)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["there"])
        // An empty folder gives way.
        try FileManager.default.createDirectory(atPath: folder.path + "/empty", withIntermediateDirectories: true)
        try DatasetWriter.write(Self.parts, classNames: [], format: .idx, to: folder.path + "/empty")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/empty").count == 6)
    }

    @Test func onePartAlone() throws {
        let folder = try TemporaryFolder()
        try DatasetWriter.write([Self.parts[0]], classNames: [], format: .idx, to: folder.path + "/train-only")
        let location = try DatasetCatalogue.locate(name: folder.path + "/train-only", environment: [:])
        #expect(location.test == nil)
        #expect(try location.loadTrain().images.labels == Self.parts[0].images.labels)
        #expect(try location.parts().parts.map(\.part) == [.train])
        let failure = #expect(throws: Failure.self) { try location.load() }
        #expect(failure?.kind == .data)
    }

    @Test func selections() throws {
        let images = LabelledImages(
            pixels: try ByteBuffer(Array(0..<12)), labels: [2, 0, 1, 2, 3, 0], height: 1, width: 2, channels: 1,
            classCount: 4)
        let names = ["zero", "one", "two", "three"]
        let selection = try ClassSelection("2+one, 0", classNames: names, classCount: 4)
        #expect(selection.classNames(of: names) == ["two+one", "zero"])
        let selected = try selection.apply(to: images)
        #expect(selected.labels == [0, 1, 0, 0, 1])
        #expect(selected.classCount == 2)
        #expect(selected.pixels.copy == [0, 1, 2, 3, 4, 5, 6, 7, 10, 11])
        for (text, message) in [
            ("4", "\"4\" is no class; there are zero, one"), ("", "\"\" is no class"),
            ("1,one", "class one is there twice"),
            ("1,,2", "is no class"), ("1++2", "is no class"), ("-1", "is no class"),
        ] {
            let failure = #expect(throws: Failure.self) { try ClassSelection(text, classNames: names, classCount: 4) }
            #expect(failure?.kind == .usage)
            #expect(failure?.message.contains(message) == true)
        }
        #expect(try images.inverted().pixels.copy == (0..<12).map { 255 - $0 })
        let padded = try images.padded(by: 1)
        #expect((padded.height, padded.width) == (3, 4))
        #expect(padded.image(1) == [0, 0, 0, 0, 0, 2, 3, 0, 0, 0, 0, 0])
        #expect(try images.resized(height: 1, width: 1).pixels.copy == [1, 3, 5, 7, 9, 11])
    }

    @Test func statistics() throws {
        let images = LabelledImages(
            pixels: try ByteBuffer([0, 255, 7, 7, 0, 255, 0, 0]), labels: [0, 1, 1, 0], height: 1, width: 2,
            channels: 1,
            classCount: 3)
        let statistics = PartStatistics(images)
        #expect(statistics.count == 4)
        #expect(statistics.classCounts == [2, 2, 0])
        #expect(statistics.constantCount == 2)
        #expect(statistics.repeatedCount == 1)
        #expect(statistics.zeroShare == 0.5)
        #expect(statistics.mean == 524.0 / 8 / 255)
        let squares = 2.0 * 255 * 255 + 2 * 49
        #expect(abs(statistics.standardDeviation - (squares / 8 - 65.5 * 65.5).squareRoot() / 255) < 1e-15)
        #expect(ImageIndex(images).count(of: try images.selecting([1, 3, 3])) == 3)
        let other = LabelledImages(
            pixels: try ByteBuffer([7, 8]), labels: [0], height: 1, width: 2, channels: 1, classCount: 3)
        #expect(ImageIndex(images).count(of: other) == 0)
    }
}
