import Tensors

/// What one tensor's update has of its own.
package struct TensorUpdate: Hashable, Sendable {
    /// By which the run's learning rate is multiplied.
    package var learningRateFactor: Double
    /// Nil for the run's.
    package var weightDecay: Double?
    package var isFrozen: Bool

    package init(learningRateFactor: Double = 1, weightDecay: Double? = nil, isFrozen: Bool = false) {
        self.learningRateFactor = learningRateFactor
        self.weightDecay = weightDecay
        self.isFrozen = isFrozen
    }
}

/// The tensors of a slice by what their updates have in common; neighbours of one group are updated together.
struct TensorGroups: Sendable {
    let all: [TensorUpdate]
    /// By tensor.
    private let groupOfTensor: [Int]
    /// The slice in pieces, with each piece's group.
    private let pieces: [(range: Range<Int>, group: Int)]

    init(_ tensors: [TensorUpdate], layout: ParameterLayout, slice: Range<Int>) {
        precondition(
            tensors.isEmpty || tensors.count == layout.entries.count,
            "TensorGroups: \(tensors.count) for \(layout.entries.count) tensors")
        var all: [TensorUpdate] = []
        groupOfTensor = layout.entries.indices.map { index in
            let tensor = tensors.isEmpty ? TensorUpdate() : tensors[index]
            if let known = all.firstIndex(of: tensor) { return known }
            all.append(tensor)
            return all.count - 1
        }
        self.all = all
        var pieces: [(range: Range<Int>, group: Int)] = []
        for (index, group) in groupOfTensor.enumerated() {
            // With the gap behind the tensor.
            let next = index + 1 < layout.entries.count ? layout.entries[index + 1].range.lowerBound : layout.floatCount
            let begin =
                pieces.last?.group == group
                ? pieces.removeLast().range.lowerBound : layout.entries[index].range.lowerBound
            pieces.append((begin..<next, group))
        }
        self.pieces = pieces.map { ($0.range.clamped(to: slice), $0.group) }.filter { !$0.0.isEmpty }
    }

    /// Nil where the tensor is frozen.
    func group(of tensor: Int) -> Int? {
        let group = groupOfTensor[tensor]
        return all[group].isFrozen ? nil : group
    }

    /// The parts of `range` that are trained.
    @inline(__always)
    func forEachTrained(in range: Range<Int>, _ body: (_ part: Range<Int>, _ group: Int) -> Void) {
        for piece in pieces where piece.range.overlaps(range) && !all[piece.group].isFrozen {
            body(piece.range.clamped(to: range), piece.group)
        }
    }

    @inline(__always)
    func forEachFrozen(in range: Range<Int>, _ body: (_ part: Range<Int>) -> Void) {
        for piece in pieces where piece.range.overlaps(range) && all[piece.group].isFrozen {
            body(piece.range.clamped(to: range))
        }
    }
}
