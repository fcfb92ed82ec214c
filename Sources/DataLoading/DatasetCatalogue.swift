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

    /// The name of `names` that `text` was perhaps meant to be: at most two edits away, where case and
    /// punctuation do not count.
    package static func suggestion(for text: String, in names: [String]) -> String? {
        func plain(_ text: String) -> [Character] { text.lowercased().filter { $0.isLetter || $0.isNumber } }
        let typed = plain(text)
        let nearest =
            names
            .map { (name: $0, distance: editDistance(typed, plain($0))) }
            .min { $0.distance < $1.distance }
        guard let nearest, nearest.distance <= 2 else { return nil }
        return nearest.name
    }

    /// Levenshtein's distance: insertions, deletions and replacements.
    private static func editDistance(_ a: [Character], _ b: [Character]) -> Int {
        var row = Array(0...b.count)
        for (i, left) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in b.enumerated() {
                let replaced = diagonal + (left == right ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
            }
        }
        return row[b.count]
    }
}
