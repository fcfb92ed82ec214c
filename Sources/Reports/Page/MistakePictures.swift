import DataLoading

/// The pictures behind the cells of a confusion matrix, as many as a page may hold.
struct MistakePictures: Sendable {
    struct Cell: Hashable {
        let label: Int
        let prediction: Int
    }

    struct Entry: Sendable {
        let sample: Int
        /// In the sheet.
        let place: Int
    }

    let sheet: SpriteSheet?
    /// The surest mistakes of each cell first.
    let cells: [Cell: [Entry]]
    /// The most of a cell.
    let limit: Int

    static let cellLimit = 24
    /// Of all pictures together, before they are compressed.
    static let byteLimit = 900_000

    /// - Parameter mistakes: The surest first.
    init(_ samples: ClassifiedSamples, _ images: LabelledImages, mistakes: [Int]) {
        let size = SpriteSheet.size(height: images.height, width: images.width)
        let total = max(1, Self.byteLimit / (size.height * size.width * (images.channels == 3 ? 3 : 1)))
        var byCell: [Cell: [Int]] = [:]
        for sample in mistakes {
            let cell = Cell(label: Int(samples.labels[sample]), prediction: Int(samples.predictions[sample]))
            byCell[cell, default: []].append(sample)
        }
        var limit = Self.cellLimit
        func shownCount(_ limit: Int) -> Int { byCell.values.reduce(0) { $0 + min($1.count, limit) } }
        while limit > 1 && shownCount(limit) > total { limit -= 1 }
        // In the order of the mistakes; where even one a cell is too much, the surest cells have one.
        var counts: [Cell: Int] = [:]
        var chosen: [Int] = []
        var cells: [Cell: [Entry]] = [:]
        for sample in mistakes where chosen.count < total {
            let cell = Cell(label: Int(samples.labels[sample]), prediction: Int(samples.predictions[sample]))
            guard counts[cell, default: 0] < limit else { continue }
            counts[cell, default: 0] += 1
            cells[cell, default: []].append(Entry(sample: sample, place: chosen.count))
            chosen.append(sample)
        }
        self.limit = limit
        self.cells = cells
        sheet = SpriteSheet(images, samples: chosen)
    }

    /// The place of each of the first mistakes that has a picture.
    func surest(_ count: Int) -> [(cell: Cell, entry: Entry)] {
        let all = cells.flatMap { cell, entries in entries.map { (cell: cell, entry: $0) } }
        return Array(all.sorted { $0.entry.place < $1.entry.place }.prefix(count))
    }
}
