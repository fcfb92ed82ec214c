import DataLoading
import Errors
import Foundation
import Testing

struct DatasetLoadingTests {
    static func load(_ folder: String) throws -> ImageDataset {
        try DatasetCatalogue.locate(name: folder, environment: [:]).load()
    }

    @Test(arguments: ["-", "."], ["", ".gz"])
    func fourFilesMakeADataset(separator: String, ending: String) throws {
        let folder = try TemporaryFolder()
        let data = try Self.load(folder.writeDataset("shapes", separator: separator, ending: ending))
        #expect(data.name == "shapes")
        #expect(data.classCount == 3)
        #expect(data.classNames == [])
        #expect(data.imageShape == (2, 3, 1))
        #expect(data.train.labels == [0, 1, 2, 1])
        #expect(data.test.labels == [2, 0])
        #expect(data.train.pixels.copy == fixturePixels(imageCount: 4))
        #expect(data.train.image(2) == Array(fixturePixels(imageCount: 4)[12..<18]))
        #expect(data.test.pixels.copy == fixturePixels(imageCount: 2))
    }

    @Test func colourImages() throws {
        let folder = try TemporaryFolder()
        let path = try folder.writeDataset("colours", train: [1, 0], test: [1], ending: "")
        let pixels = (0..<48).map { UInt8($0) }
        // idx4 beside idx3: the file of three dimensions would be found first.
        try FileManager.default.removeItem(atPath: path + "/train-images-idx3-ubyte")
        try folder.write("colours/train-images.idx4-ubyte", idx(0x08, [2, 2, 4, 3], pixels))
        try folder.write("colours/t10k-images-idx3-ubyte", idx(0x08, [1, 2, 4, 3], Array(pixels[..<24])))
        let data = try Self.load(path)
        #expect(data.imageShape == (2, 4, 3))
        #expect(data.train.pixelsPerImage == 24)
        #expect(data.train.image(1) == Array(pixels[24...]))
        #expect(data.test.image(0) == Array(pixels[..<24]))
    }

    struct Pixels: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let type: UInt8
        let payload: [UInt8]
        let expected: Result<[UInt8], Failure>

        init(_ name: String, _ type: UInt8, _ payload: [UInt8], bytes: [UInt8]) {
            (testDescription, self.type, self.payload, expected) = (name, type, payload, .success(bytes))
        }

        init(_ name: String, _ type: UInt8, _ payload: [UInt8], refusal: String) {
            (testDescription, self.type, self.payload) = (name, type, payload)
            expected = .failure(Failure(.data, refusal))
        }
    }

    static func floats(_ values: Float...) -> [UInt8] { values.flatMap { bigEndian($0.bitPattern) } }
    static func doubles(_ values: Double...) -> [UInt8] { values.flatMap { bigEndian($0.bitPattern) } }
    static func shorts(_ values: Int16...) -> [UInt8] { values.flatMap { bigEndian($0) } }
    static func ints(_ values: Int32...) -> [UInt8] { values.flatMap { bigEndian($0) } }

    static let pixels = [
        Pixels("ubyte", 0x08, [0, 1, 200, 255], bytes: [0, 1, 200, 255]),
        Pixels("byte", 0x09, [0, 1, 100, 127], bytes: [0, 1, 100, 127]),
        Pixels("byte below 0", 0x09, [0, 1, 128, 127], refusal: "pixel value -128 at index 2 is not a whole number"),
        Pixels("short", 0x0B, shorts(0, 1, 254, 255), bytes: [0, 1, 254, 255]),
        Pixels("short 256", 0x0B, shorts(0, 1, 254, 256), refusal: "pixel value 256 at index 3"),
        Pixels("int", 0x0C, ints(0, 1, 128, 255), bytes: [0, 1, 128, 255]),
        Pixels("int below 0", 0x0C, ints(-1, 1, 128, 255), refusal: "pixel value -1 at index 0"),
        Pixels("whole floats", 0x0D, floats(0, 1, 2, 255), bytes: [0, 1, 2, 255]),
        Pixels("whole floats, 1 later", 0x0D, floats(7, 0, 1, 255), bytes: [7, 0, 1, 255]),
        Pixels("unit floats", 0x0D, floats(0, 1, 3 / 255, 254 / 255), bytes: [0, 255, 3, 254]),
        Pixels("zeros and ones", 0x0D, floats(0, 1, 1, -0.0), bytes: [0, 255, 255, 0]),
        Pixels("not k/255", 0x0D, floats(0, 1, 0.3, 1), refusal: "pixel value 0.3 at index 2 is not k/255"),
        Pixels("half", 0x0D, floats(2, 1, 3.5, 1), refusal: "pixel value 3.5 at index 2 is not a whole number"),
        Pixels("units after whole", 0x0D, floats(2, 1 / 255, 0, 0), refusal: "at index 1 is not a whole number"),
        Pixels("whole after units", 0x0D, floats(1 / 255, 2, 0, 0), refusal: "pixel value 2.0 at index 1 is not k/255"),
        Pixels("float below 0", 0x0D, floats(0, -1, 0, 0), refusal: "pixel value -1.0 at index 1"),
        Pixels("float 256", 0x0D, floats(0, 256, 0, 0), refusal: "pixel value 256.0 at index 1"),
        Pixels("not a number", 0x0D, floats(0, .nan, 0, 0), refusal: "pixel value nan at index 1"),
        Pixels("infinity", 0x0D, floats(.infinity, 0, 0, 0), refusal: "pixel value inf at index 0"),
        Pixels("unit doubles", 0x0E, doubles(0, 1, 1 / 255, 77 / 255), bytes: [0, 255, 1, 77]),
        Pixels("doubles from floats", 0x0E, doubles(0, 1, Double(Float(77) / 255), 0), bytes: [0, 255, 77, 0]),
        Pixels("whole doubles", 0x0E, doubles(0, 1, 255, 77), bytes: [0, 1, 255, 77]),
        Pixels("double beside", 0x0E, doubles(0, 1, (1.0 / 255).nextUp, 0), refusal: "at index 2 is not k/255"),
    ]

    @Test(arguments: pixels)
    func pixelTypes(_ testCase: Pixels) throws {
        let folder = try TemporaryFolder()
        for dimensions in [[1, 2, 2], [1, 2, 1, 2]] {
            let reader = try IDXReader(path: folder.write("file", idx(testCase.type, dimensions, testCase.payload)))
            switch testCase.expected {
            case .success(let bytes):
                #expect(try reader.readPixels().copy == bytes)
            case .failure(let refusal):
                let failure = #expect(throws: Failure.self) { try reader.readPixels() }
                #expect(failure?.kind == .data)
                #expect(failure?.message.contains(refusal.message) == true, "\(String(describing: failure))")
            }
        }
    }

    /// All 256 levels of every floating-point form, and no value between two levels.
    @Test func everyLevelIsExact() throws {
        let folder = try TemporaryFolder()
        let levels = (0...255).map { UInt8($0) }
        for (type, payload) in [
            (0x0D, levels.flatMap { Self.floats(Float($0) / 255) }), (0x0D, levels.flatMap { Self.floats(Float($0)) }),
            (0x0E, levels.flatMap { Self.doubles(Double($0) / 255) }),
            (0x0E, levels.flatMap { Self.doubles(Double(Float($0) / 255)) }),
        ] as [(UInt8, [UInt8])] {
            let reader = try IDXReader(path: folder.write("file", idx(type, [1, 16, 16], payload)))
            #expect(try reader.readPixels().copy == levels)
        }
    }

    @Test(
        arguments: [
            (0x08, [3, 0, 255]), (0x09, [3, 0, 127]), (0x0B, [0, 3, 0, 0, 0, 255]),
            (0x0C, [0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 255]),
        ] as [(UInt8, [UInt8])])
    func labelTypes(_ type: UInt8, _ payload: [UInt8]) throws {
        let folder = try TemporaryFolder()
        let reader = try IDXReader(path: folder.write("file", idx(type, [3], payload)))
        #expect(try reader.readLabels() == [3, 0, type == 0x09 ? 127 : 255])
    }

    @Test func extendedLabels() throws {
        let folder = try TemporaryFolder()
        let rows = Self.ints(5, 0, 2_154, 59, 35, 229_421, 0, 0) + Self.ints(9, 4, 2_578, 69, -1, 148_188, 0, 0)
        let reader = try IDXReader(path: folder.write("file", idx(0x0C, [2, 8], rows)))
        #expect(try reader.readLabels() == [5, 9])
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let file: String
        let bytes: [UInt8]
        let message: String

        init(_ name: String, _ file: String, _ bytes: [UInt8], _ message: String) {
            (testDescription, self.file, self.bytes, self.message) = (name, file, bytes, message)
        }
    }

    static let broken = [
        Broken(
            "fewer labels", "train-labels-idx1-ubyte", idx(8, [3], [0, 1, 2]),
            "4 images in FOLDER/train-images-idx3-ubyte "
                + "but 3 labels in FOLDER/train-labels-idx1-ubyte"),
        Broken(
            "fewer test images", "t10k-images-idx3-ubyte", idx(8, [1, 2, 3], [0, 1, 2, 3, 4, 5]), "1 images in FOLDER"),
        Broken(
            "test label outside", "t10k-labels-idx1-ubyte", idx(8, [2], [2, 3]),
            "FOLDER/t10k-labels-idx1-ubyte: label 3 at index 1 is outside the 3 classes"),
        Broken(
            "label below 0", "train-labels-idx1-ubyte", idx(9, [4], [0, 1, 0xff, 2]),
            "label -1 at index 2 is outside 0...255"),
        Broken(
            "label 256", "train-labels-idx1-ubyte", idx(0x0B, [4], shorts(0, 1, 2, 256)),
            "label 256 at index 3 is outside 0...255"),
        Broken("float labels", "train-labels-idx1-ubyte", idx(0x0D, [4], floats(0, 1, 2, 1)), "labels are integers"),
        Broken(
            "one-hot labels", "train-labels-idx1-ubyte", idx(8, [4, 2], [0, 1, 1, 0, 0, 1, 1, 0]),
            "labels need 1 dimension"),
        Broken("labels as images", "train-images-idx3-ubyte", idx(8, [4], [0, 1, 2, 1]), "images need 3 dimensions"),
        Broken("flat images", "train-images-idx3-ubyte", idx(8, [4, 1], [0, 1, 2, 1]), "images need 3 dimensions"),
        Broken("no width", "train-images-idx3-ubyte", idx(8, [4, 2, 0], []), "there is no pixel"),
        Broken("no images", "train-images-idx3-ubyte", idx(8, [0, 2, 3], []), "there is no pixel"),
        Broken(
            "other shape", "t10k-images-idx3-ubyte", idx(8, [2, 3, 2], [UInt8](repeating: 0, count: 12)),
            "images of 2 × 3 × 1, but FOLDER/t10k-images-idx3-ubyte of 3 × 2 × 1"),
        Broken(
            "truncated", "train-images-idx3-ubyte", gzip(idx(8, [4, 2, 3], [1])), "ends before its ubyte [4 × 2 × 3]"),
    ]

    @Test(arguments: broken)
    func brokenDatasets(_ testCase: Broken) throws {
        let folder = try TemporaryFolder()
        let path = try folder.writeDataset("set", ending: "")
        _ = try Self.load(path)
        try folder.write("set/" + testCase.file, testCase.bytes)
        let failure = #expect(throws: Failure.self) { try Self.load(path) }
        #expect(failure?.kind == .data)
        let message = failure?.message.replacingOccurrences(of: path, with: "FOLDER") ?? ""
        #expect(message.contains(testCase.message), "\(message)")
        #expect(!message.contains("\n"))
    }

    @Test func catalogueNamesBoundTheClasses() throws {
        let folder = try TemporaryFolder()
        try folder.writeDataset("mnist", train: [0, 9, 3], test: [1])
        let data = try DatasetCatalogue.locate(name: "mnist", dataDirectory: folder.path, environment: [:]).load()
        #expect(data.classCount == 10)
        #expect(data.classNames.count == 10)
        try folder.writeDataset("mnist", train: [0, 9, 10], test: [1])
        let failure = #expect(throws: Failure.self) {
            try DatasetCatalogue.locate(name: "mnist", dataDirectory: folder.path, environment: [:]).load()
        }
        #expect(failure?.message.contains("label 10 at index 2 is outside the 10 classes") == true)
    }
}
