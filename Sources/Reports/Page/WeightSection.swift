import DataLoading
import Models
import Tensors

/// The weights that look at the image itself, and how large the tensors are.
struct WeightSection: Sendable {
    private let outcome: NetworkOutcome

    private static let unitLimit = 64

    init(_ outcome: NetworkOutcome) { self.outcome = outcome }

    var section: PageSection { PageSection("Weights", id: "weights", pictures + norms) }

    /// Weights of one output each, as pictures of the input's channels.
    private struct Filters {
        let count: Int
        let height: Int
        let width: Int
        let channels: Int
        /// (unit, row, column, channel)
        let weight: (Int, Int, Int, Int) -> Float
    }

    /// Of the first layer with weights, where it sees the picture itself.
    private var filters: Filters? {
        let network = outcome.network
        for operation in network.operations {
            guard let entry = network.layout.entries.first(where: { $0.belongs(to: operation) }) else {
                // Only other shapes of the same picture may stand in front.
                guard let memory = operation.layer?.memory, case .isInput = memory else { return nil }
                continue
            }
            let extents = network.inputShape.extents
            let values = outcome.parameters
            let start = entry.range.lowerBound
            if operation.text.hasPrefix("dense"), extents.count >= 2, extents.count <= 3 {
                let (height, width) = (extents[0], extents[1])
                let channels = extents.count == 3 ? extents[2] : 1
                let units = entry.range.count / network.inputFeatures
                return Filters(count: units, height: height, width: width, channels: channels) {
                    values[start + (($1 * width + $2) * channels + $3) * units + $0]
                }
            }
            let shape = entry.shape.extents
            if operation.text.hasPrefix("conv "), shape.count == 4 {
                return Filters(count: shape[3], height: shape[0], width: shape[1], channels: shape[2]) {
                    values[start + (($1 * shape[1] + $2) * shape[2] + $3) * shape[3] + $0]
                }
            }
            return nil
        }
        return nil
    }

    private var pictures: HTML {
        guard let filters else { return "" }
        let count = min(filters.count, Self.unitLimit)
        let size = SpriteSheet.size(height: filters.height, width: filters.width)
        let tiles = (0..<count).map { unit in
            Self.tile(filters, unit).resized(height: size.height, width: size.width).framed
        }
        // Full rows where there are such.
        let columns = (8...16).reversed().first { count % $0 == 0 } ?? 16
        let sheet = SpriteSheet(tiles, columns: min(columns, count))
        let zoom = max(1, sheet.zoom)
        let isSome = count < filters.count
        return """
            <figure class="pairs"><figcaption>\(isSome ? "The first \(count) of \(filters.count) units" : "All \(count) units") \
            of the first layer: \(filters.channels == 3 ? "red, green and blue of each weight, grey for 0"
                : "orange weights are positive, blue negative, white 0")\
            \(filters.channels > 3 ? "; the mean of \(filters.channels) channels" : ""); each scaled by its greatest weight\
            </figcaption><div class="scroll" tabindex="0" role="region" aria-label="Weights of the first layer">\
            <img class="pixelated" src="\(sheet.picture.address)" width="\(sheet.picture.width * zoom)" \
            height="\(sheet.picture.height * zoom)" alt="\(count) pictures of first-layer weights, \(filters.height) by \
            \(filters.width)"></div></figure>
            """
    }

    /// Three channels as red, green and blue; else one number as a colour between blue and orange.
    private static func tile(_ filters: Filters, _ unit: Int) -> DecodedImage {
        var values: [Float] = []
        for row in 0..<filters.height {
            for column in 0..<filters.width {
                let all = (0..<filters.channels).map { filters.weight(unit, row, column, $0) }
                if filters.channels == 3 { values += all } else { values.append(all.reduce(0, +) / Float(all.count)) }
            }
        }
        let greatest = values.reduce(Float.leastNormalMagnitude) { max($0, $1.isFinite ? abs($1) : 0) }
        let shares = values.map { $0.isFinite ? $0 / greatest : 0 }
        func byte(_ share: Float) -> UInt8 { UInt8(min(max(share, 0), 1) * 255 + 0.5) }
        let pixels: [UInt8] =
            filters.channels == 3
            ? shares.map { byte(($0 + 1) / 2) }
            : shares.flatMap { share -> [UInt8] in
                // To #0072b2 and #e66100.
                let end: (Float, Float, Float) = share < 0 ? (0, 0.447, 0.698) : (0.902, 0.38, 0)
                let depth = abs(share)
                return [end.0, end.1, end.2].map { byte(1 - depth * (1 - $0)) }
            }
        return DecodedImage(pixels: pixels, height: filters.height, width: filters.width, channels: 3)
    }

    private var norms: HTML {
        let values = outcome.parameters
        let rows: [HTML] = outcome.network.layout.entries.map { entry in
            let own = values[entry.range]
            let squares = own.reduce(0.0) { $0 + Double($1) * Double($1) }
            let greatest = own.reduce(Float(0)) { max($0, abs($1)) }
            return """
                <tr><th scope="row">\(entry.name)</th><td>\(entry.storage.shape.extents.map(String.init).joined(separator: " × "))\
                </td><td>\(PageText.number(squares.squareRoot(), 5))</td>\
                <td>\(PageText.number((squares / Double(max(own.count, 1))).squareRoot(), 4))</td>\
                <td>\(PageText.number(Double(greatest), 4))</td></tr>
                """
        }
        return """
            <details><summary>Sizes of the tensors</summary><div class="scroll" role="region" aria-label="Tensors" tabindex="0">\
            <table class="numbers"><caption>\(outcome.isAverage ? "Moving averages of the parameters" : "Parameters") of \
            \(outcome.checkpoint.fileName)</caption><thead><tr><th scope="col">tensor</th><th scope="col">shape</th>\
            <th scope="col">norm</th><th scope="col">root mean square</th><th scope="col">greatest</th></tr></thead>\
            <tbody>\(rows)</tbody></table></div></details>
            """
    }
}

extension DecodedImage {
    /// With a line of grey to the right and below.
    fileprivate var framed: DecodedImage {
        var framed: [UInt8] = []
        for row in 0..<height {
            framed += pixels[row * width * channels..<(row + 1) * width * channels]
            framed += [UInt8](repeating: 160, count: channels)
        }
        framed += [UInt8](repeating: 160, count: (width + 1) * channels)
        return DecodedImage(pixels: framed, height: height + 1, width: width + 1, channels: channels)
    }
}

extension String {
    /// Behind the last slash.
    var fileName: String { split(separator: "/").last.map(String.init) ?? self }
}
