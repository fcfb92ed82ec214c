import Errors

/// Which series of NIST's forms are trained on and which are the test, of images that tell theirs (`ExtendedLabels`).
package struct SeriesDivision: Sendable, Equatable {
    package let train: [Int32]
    package let test: [Int32]

    package init(train: [Int32], test: [Int32]) { (self.train, self.test) = (train, test) }

    /// The samples of each, in their order; series of neither are left out.
    ///
    /// - Throws: `Failure(.data)` where the labels tell no series, or a part would be empty. `name` is for messages.
    func divide(_ images: LabelledImages, name: String) throws -> (train: LabelledImages, test: LabelledImages) {
        guard let series = images.origins?.values(of: .series) else {
            throw Failure(
                .data, "\(name): its labels tell no series; QMNIST's xnist-labels-idx2-int with eight columns is needed"
            )
        }
        func part(_ wanted: [Int32]) throws -> LabelledImages {
            let samples = series.indices.filter { wanted.contains(series[$0]) }.map { Int32($0) }
            guard !samples.isEmpty else {
                throw Failure(
                    .data, "\(name): no digit is of series \(wanted.map(String.init).joined(separator: ", "))")
            }
            return try images.selecting(samples)
        }
        return (try part(train), try part(test))
    }
}
