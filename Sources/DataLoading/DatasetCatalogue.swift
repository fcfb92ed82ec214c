/// The data sets known by name.
package enum DatasetCatalogue {
    package struct Entry: Sendable, Equatable {
        package let name: String
        package let classNames: [String]
        /// Folders where a system's package puts it.
        package let systemFolders: [String]
        /// How to get it; ends an error line.
        package let installHint: String
        /// CRC-32 of the test part's 10,000 labels: tells the sets apart, whose files have the same names and shapes.
        package let testLabelsCRC32: UInt32

        package init(
            name: String, classNames: [String], systemFolders: [String], installHint: String, testLabelsCRC32: UInt32
        ) {
            self.name = name
            self.classNames = classNames
            self.systemFolders = systemFolders
            self.installHint = installHint
            self.testLabelsCRC32 = testLabelsCRC32
        }
    }

    package static let entries = [
        Entry(
            name: "fashion-mnist",
            classNames: [
                "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
                "Ankle boot",
            ],
            systemFolders: ["/usr/share/datasets/fashion-mnist"],
            installHint: "install it (Debian: apt-get install dataset-fashion-mnist)",
            testLabelsCRC32: 0x242b_c73f),
        Entry(
            name: "mnist", classNames: (0..<10).map(String.init), systemFolders: [],
            installHint: "put its four files into one of them, or name their folder: --dataset DIR",
            testLabelsCRC32: 0xee86_04d9),
    ]
}
