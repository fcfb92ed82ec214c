import DataLoading
import Errors
import Testing

struct CSVTests {
    static func read(_ text: String) throws -> CSVImages {
        try CSVImages(file: InputFile(bytes: Array(text.utf8), name: "table"))
    }

    static let tables: [(name: String, text: String, labels: [UInt8]?, pixels: [UInt8])] = [
        (
            "digit-recognizer", "label,pixel0,pixel1,pixel2,pixel3\n1,0,2,255,4\n0,5,6,7,8\n", [1, 0],
            [0, 2, 255, 4, 5, 6, 7, 8]
        ),
        ("without labels", "pixel0,pixel1,pixel2,pixel3\n0,1,2,3\n", nil, [0, 1, 2, 3]),
        ("Fashion-MNIST's", "label,pixel1,pixel2,pixel3,pixel4\r\n9,1,2,3,4\r\n", [9], [1, 2, 3, 4]),
        ("label last", "pixel0,pixel1,pixel2,pixel3,label\n1,2,3,4,5\n", [5], [1, 2, 3, 4]),
        ("no header", "7,1,2,3,4\n8,5,6,7,8", [7, 8], [1, 2, 3, 4, 5, 6, 7, 8]),
        ("no header, no labels", "1,2,3,4\n5,6,7,8\n", nil, [1, 2, 3, 4, 5, 6, 7, 8]),
        (
            "quotes, blanks, byte order mark",
            "\u{FEFF}\"label\",\"a\",\"b\",\"c\",\"d\"\n\"1\", 2 ,3,\"4\" ,005\n\n \n", [1], [2, 3, 4, 5]
        ),
        ("one pixel", "label,pixel0\n3,200\n", [3], [200]),
    ]

    @Test(arguments: tables.indices)
    func readTables(_ index: Int) throws {
        let table = Self.tables[index]
        for bytes in [Array(table.text.utf8), gzip(Array(table.text.utf8))] {
            let images = try CSVImages(file: InputFile(bytes: bytes, name: "table"))
            #expect(images.labels == table.labels, "\(table.name)")
            #expect(images.pixels.copy == table.pixels, "\(table.name)")
            #expect(images.height == images.width)
        }
    }

    static let header = "label,pixel0,pixel1,pixel2,pixel3\n"
    static let refusals: [(text: String, message: String)] = [
        ("", "line 1 is empty"), ("\n", "line 1 is empty"), (header, "holds no row with an image"),
        ("label,pixel0,pixel1\n1,2,3\n", "line 1 has 2 columns of pixels beside the label; a square number"),
        ("1,2,3\n", "line 1 has 3 columns of pixels; a square number"),
        ("label,pixel0,pixel2,pixel1,pixel3\n", "column 3 is pixel2 after pixel0: the pixels are not in order"),
        ("label,label,a,b,c,d\n", "names two label columns"),
        (header + "1,2,3,4\n", "line 2 has 4 columns, but line 1 has 5"),
        (header + "1,2,3,4,5,6\n", "line 2 has more than 5 columns"),
        (header + "1,2,3,4,5\n1,2,3,4,256\n", "line 3, column 5: 256…, where"),
        (header + "1,2,3,4,-1\n", "line 2, column 5: byte 0x2d"),
        (header + "1,2,3,4,0.5\n", "line 2, column 5: byte 0x2e"),
        (header + "1,2,,4,5\n", "line 2, column 3: nothing, where a whole number 0 to 255"),
        (header + "1,2,3,4,\n", "line 2, column 5: nothing"), (header + "1,2 2,3,4,5\n", "line 2, column 2: byte 0x32"),
        (header + "x,2,3,4,5\n", "line 2, column 1: byte 0x78"),
        (header + "1,2,3,4,\"5\n", "line 2 ends inside quotes"),
        (header + "\n1,2,3,4,5\n", "line 2 is empty"), (header + "1,2,3,4,0001\n", "line 2, column 5"),
        (String(repeating: "a", count: 300), "line 1, column 1 is longer than 256 bytes: is it a table?"),
        ("label,pixel0,pixel1,pixel2,pixel3\n1,2,3,4,5\u{0}\n", "line 2, column 5: byte 0x00"),
    ]

    @Test(arguments: refusals.indices)
    func refused(_ index: Int) throws {
        let (text, message) = Self.refusals[index]
        let failure = #expect(throws: Failure.self, "\(text)") { try Self.read(text) }
        #expect(failure?.kind == .data)
        #expect(failure?.message.hasPrefix("table: ") == true)
        #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "")")
    }

    /// Lines longer than any buffer, and cut anywhere: a shorter table or a refusal, never a crash.
    @Test func everyTruncation() throws {
        let text = Array("label,pixel0,pixel1,pixel2,pixel3\n10,20,30,40,50\n1,2,3,4,5\n".utf8)
        for length in 0..<text.count {
            do {
                let images = try CSVImages(file: InputFile(bytes: Array(text.prefix(length)), name: "table"))
                #expect((1...2).contains(images.count))
                #expect(images.labels?.count == images.count || images.labels == nil)
            } catch let failure as Failure {
                #expect(failure.kind == .data)
            }
        }
        let packed = gzip(text)
        for length in 0..<packed.count {
            #expect(throws: Failure.self) {
                try CSVImages(file: InputFile(bytes: Array(packed.prefix(length)), name: "table"))
            }
        }
    }

    @Test func largeTablesCrossBuffers() throws {
        // 2,500 lines of 785 columns are several buffers of 256 KiB.
        var text = "label," + (0..<784).map { "pixel\($0)" }.joined(separator: ",") + "\n"
        var expected: [UInt8] = []
        for row in 0..<2_500 {
            let pixels = (0..<784).map { UInt8(truncatingIfNeeded: row * 31 + $0 * 7) }
            expected += pixels
            text += "\(row % 10)," + pixels.map(String.init).joined(separator: ",") + "\n"
        }
        let images = try Self.read(text)
        #expect(images.labels == (0..<2_500).map { UInt8($0 % 10) })
        #expect(images.pixels.copy == expected)
        #expect((images.height, images.width) == (28, 28))
    }

    @Test func datasetsOfTables() throws {
        let folder = try TemporaryFolder()
        let train = Array((Self.header + "1,2,3,4,5\n0,6,7,8,9\n").utf8)
        try folder.write("kaggle/train.csv", train)
        let part = try DatasetCatalogue.locate(name: folder.path + "/kaggle", environment: [:])
        let alone = #expect(throws: Failure.self) { try part.load() }
        #expect(alone?.message.contains("there is no test part beside it; make one: lockstep data split") == true)
        #expect(try part.loadTrain().images.labels == [1, 0])

        try folder.write("kaggle/test.csv", Array("pixel0,pixel1,pixel2,pixel3\n1,2,3,4\n".utf8))
        let unlabelled = #expect(throws: Failure.self) {
            try DatasetCatalogue.locate(name: folder.path + "/kaggle", environment: [:]).load()
        }
        #expect(unlabelled?.message.contains("test.csv: has no label column") == true)

        try folder.write("fashion/fashion-mnist_train.csv.gz", gzip(train))
        try folder.write("fashion/fashion-mnist_test.csv", train)
        let data = try DatasetCatalogue.locate(name: folder.path + "/fashion", environment: [:]).load()
        #expect(data.imageShape == (2, 2, 1))
        #expect(data.test.image(1) == [6, 7, 8, 9])
        try folder.write("fashion/other_train.csv", train)
        let two = #expect(throws: Failure.self) {
            try DatasetCatalogue.locate(name: folder.path + "/fashion", environment: [:])
        }
        #expect(two?.message.contains("could both be the train part") == true)
    }
}
