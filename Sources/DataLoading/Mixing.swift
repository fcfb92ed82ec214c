import Randomness

/// Each picture mixed with another of its batch, and their labels in the same shares: mixup (Zhang et al., arXiv:1710.09412)
/// and cutmix (Yun et al., arXiv:1905.04899, with the rectangle as torchvision draws it). Bytes become bytes, by whole
/// numbers alone.
package struct Mixing: Sendable, Equatable {
    /// α of the own picture's share λ ~ Beta(α, α).
    package var mixup: Double?
    /// The same of a rectangle with the share 1 − λ of the area, which comes from the other picture.
    package var cutmix: Double?

    package init(mixup: Double? = nil, cutmix: Double? = nil) { (self.mixup, self.cutmix) = (mixup, cutmix) }

    package var isNone: Bool { mixup == nil && cutmix == nil }

    /// Of shares.
    static let one = 1 << 16

    /// What one sample gets.
    package struct Draw: Equatable, Sendable {
        /// Place of the other sample in the batch; another than the own one, unless the batch has only one.
        package var partner: Int
        /// Of the own picture and label, in 1/65,536.
        package var weight: Int
        /// What comes from the other picture; nil where all pixels are mixed.
        package var cut: Rectangle?

        package init(partner: Int, weight: Int, cut: Rectangle?) {
            (self.partner, self.weight, self.cut) = (partner, weight, cut)
        }

        /// Of the own label; exact, as is 1 less it.
        package var share: Float { Float(weight) * 0x1p-16 }
    }

    package struct Rectangle: Equatable, Sendable {
        package var rows: Range<Int>
        package var columns: Range<Int>
    }

    /// Drawn from (seed, epoch, position in the epoch's order), which is as much as (seed, step, position in the batch) and
    /// does not know of accumulation. Each number has its place in the stream: partner, which change, the rectangle's
    /// centre, then λ.
    ///
    /// - Parameters:
    ///   - position: Of the sample, in the epoch's order.
    ///   - batch: All positions of the batch.
    package func draw(seed: UInt64, epoch: UInt64, position: Int, batch: Range<Int>, height: Int, width: Int) -> Draw {
        precondition(batch.contains(position) && !isNone, "Mixing: position \(position) of the batch \(batch)")
        let random = KeyedRandom(seed: seed, purpose: .mixup, epoch: epoch, subject: UInt64(position))
        let own = position - batch.lowerBound
        var partner = own
        if batch.count > 1 {
            partner = Int(random.uniformDouble(at: 0) * Double(batch.count - 1))
            if partner >= own { partner += 1 }
        }
        let isCut = mixup == nil || (cutmix != nil && random.uniformDouble(at: 1) < 0.5)
        // A constant for the compiler alone: one of them is there.
        let share = random.symmetricBeta((isCut ? cutmix : mixup) ?? 1, at: 4)
        guard isCut else {
            return Draw(partner: partner, weight: Int((share * Double(Self.one)).rounded(.toNearestOrEven)), cut: nil)
        }
        let half = 0.5 * (1 - share).squareRoot()
        func side(_ place: UInt64, _ extent: Int) -> Range<Int> {
            let centre = Int(random.uniformDouble(at: place) * Double(extent))
            let reach = Int(half * Double(extent))
            return max(0, centre - reach)..<max(0, min(extent, centre + reach))
        }
        let cut = Rectangle(rows: side(2, height), columns: side(3, width))
        let (area, kept) = (height * width, height * width - cut.rows.count * cut.columns.count)
        return Draw(partner: partner, weight: (kept * Self.one + area / 2) / area, cut: cut)
    }
}

extension Mixing.Draw {
    /// The definition, one pixel after the other; pictures are `[height, width, channels]`. `Mixer` gives the same bytes.
    package func reference(_ own: [UInt8], _ other: [UInt8], width: Int, channels: Int) -> [UInt8] {
        own.indices.map { index in
            let (row, column) = (index / channels / width, index / channels % width)
            if let cut { return cut.rows.contains(row) && cut.columns.contains(column) ? other[index] : own[index] }
            return UInt8((Int(own[index]) * weight + Int(other[index]) * (Mixing.one - weight) + Mixing.one / 2) >> 16)
        }
    }
}
