import DataLoading
import Models
import Numerics
import Training

/// What a page says of an auto-encoder on its test set.
struct ReconstructionSection: Sendable {
    struct Figures: Codable, Sendable {
        struct ClassError: Codable, Sendable {
            let name: String
            let count: Int
            /// Mean over images and elements of the squared difference between input and output, as the network sees them.
            let meanSquaredError: Double
        }

        let dataset: String
        let checkpoint: String
        let parametersSHA256: String
        let sampleCount: Int
        let meanSquaredError: Double
        let classes: [ClassError]
        let bottleneck: Int
        /// Shares of the bottleneck's variance along its first two principal components.
        let explainedVariance: [Double]
    }

    let figures: Figures
    private let pairs: [(title: String, picture: PagePicture)]
    private let latent: HTML?
    private let pcaLoss: Double?

    /// Pairs of pictures in a row, and points of the scatter.
    private static let pairCount = 12
    private static let pointLimit = 1_000

    init(
        _ outcome: NetworkOutcome, _ images: LabelledImages, dataset: String, classNames: [String], pcaLoss: Double?
    ) {
        let features = images.pixelsPerImage
        let names = classNames.isEmpty ? (0..<images.classCount).map { "\($0)" } : classNames
        let reader = ReconstructionReader(outcome, images)
        let errors = (0..<images.count).map { reader.error($0) }
        var sums = [Double](repeating: 0, count: images.classCount)
        var counts = [Int](repeating: 0, count: images.classCount)
        for (error, label) in zip(errors, images.labels) {
            sums[Int(label)] += error
            counts[Int(label)] += 1
        }
        let plane = LatentPlane(outcome.bottleneck, features: outcome.bottleneckCount)
        figures = Figures(
            dataset: dataset, checkpoint: outcome.checkpoint, parametersSHA256: outcome.parametersSHA256,
            sampleCount: images.count,
            meanSquaredError: errors.reduce(0, +) / Double(max(images.count, 1)) / Double(features),
            classes: names.indices.filter { counts[$0] > 0 }.map {
                Figures.ClassError(
                    name: names[$0], count: counts[$0],
                    meanSquaredError: sums[$0] / Double(counts[$0]) / Double(features))
            }, bottleneck: outcome.bottleneckCount, explainedVariance: plane?.explained ?? [])
        let order = errors.indices.sorted { (errors[$0], $0) < (errors[$1], $1) }
        let first = Array(images.labels.indices.prefix(Self.pairCount))
        pairs = [("The first of the file", first), ("The worst", Array(order.reversed().prefix(Self.pairCount)))]
            .filter { !$0.1.isEmpty }.map { ($0.0, reader.picture($0.1)) }
        latent = plane.map { Self.scatter($0, images.labels, names) }
        self.pcaLoss = pcaLoss
    }

    var sections: [PageSection] {
        var sections = [PageSection("Reconstructions", id: "reconstructions", reconstructions)]
        if let latent { sections.append(PageSection("Latent space", id: "latent", latent)) }
        return sections
    }

    private var reconstructions: HTML {
        let pictures: [HTML] = pairs.map { title, picture in
            """
            <figure class="pairs"><figcaption>\(title): inputs above, outputs below</figcaption>\
            <div class="scroll" tabindex="0" role="region" aria-label="\(title)"><img src="\(picture.address)" \
            width="\(picture.width * 2)" height="\(picture.height * 2)" \
            alt="\(Self.pairCount) inputs above what the network makes of them"></div></figure>
            """
        }
        let worst = figures.classes.map(\.meanSquaredError).max() ?? 1
        let rows: [HTML] = figures.classes.map { entry in
            """
            <tr><th scope="row">\(entry.name)</th><td>\(entry.count)</td>\
            <td>\(PageText.fixed(entry.meanSquaredError, 6))</td>\
            <td>\(PageBar.html(share: worst > 0 ? entry.meanSquaredError / worst : 0))</td></tr>
            """
        }
        let baseline = pcaLoss.map {
            " As many principal components of the training images reach \(PageText.fixed($0, 6)) without a network."
        }
        return """
            <p>Mean squared error of \(PageText.plural(figures.sampleCount, "test image")) \
            \(PageText.fixed(figures.meanSquaredError, 6)) through \(figures.bottleneck) numbers.\(baseline ?? "")</p>
            \(pictures)
            <div class="scroll" role="region" aria-label="Error by class" tabindex="0"><table class="numbers">\
            <caption>Mean squared error by class</caption><thead><tr><th scope="col">class</th><th scope="col">images</th>\
            <th scope="col">error</th><th scope="col" aria-label="as a bar"></th></tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }

    private static func scatter(_ plane: LatentPlane, _ labels: [UInt8], _ names: [String]) -> HTML {
        let every = max(1, (labels.count + pointLimit - 1) / pointLimit)
        let shown = stride(from: 0, to: labels.count, by: every).map { $0 }
        let xAxis = Axis("first principal component", covering: shown.map { plane.points[$0].x })
        let yAxis = Axis("second principal component", covering: shown.map { plane.points[$0].y })
        let frame = ChartFrame(xAxis: xAxis, yAxis: yAxis)
        let marks: [HTML] = shown.map { sample in
            let label = Int(labels[sample])
            return PageMark.html(
                label, x: frame.x(plane.points[sample].x), y: frame.y(plane.points[sample].y),
                title: "\(names[label]), image \(sample)")
        }
        let legend: [HTML] = names.indices.map { label in
            """
            <li><svg class="key" viewBox="0 0 14 10" aria-hidden="true">\(PageMark.html(label, x: 7, y: 5, title: ""))\
            </svg>\(names[label])</li>
            """
        }
        let shares = plane.explained.map { PageText.percent($0, 1) }.joined(separator: " and ")
        return """
            <p>What the narrowest layer gives, seen along the two directions in which it varies most (\(shares) of the \
            variance)\(every > 1 ? "; every \(every)th image" : "").</p>
            <figure class="chart wide"><figcaption>Latent space</figcaption>
            \(frame.svg(title: "Latent space", description: "Test images by class in the plane of the first two principal "
                + "components of the bottleneck.", content: marks))
            <ul class="legend">\(legend)</ul></figure>
            """
    }
}

/// Inputs and outputs of an auto-encoder.
private struct ReconstructionReader {
    let outcome: NetworkOutcome
    let images: LabelledImages

    init(_ outcome: NetworkOutcome, _ images: LabelledImages) { (self.outcome, self.images) = (outcome, images) }

    private var features: Int { images.pixelsPerImage }

    /// As the loss compares it: of the binary cross-entropy the outputs are log-odds.
    private func output(_ sample: Int, _ index: Int) -> Double {
        let value = Double(outcome.outputs[sample * features + index])
        return outcome.loss.kind == .binaryCrossEntropy ? 1 / (1 + ScalarMath.exponential(-value)) : value
    }

    /// Sum over elements.
    func error(_ sample: Int) -> Double {
        images.pixels.withBytes { pixels in
            (0..<features).reduce(0.0) { sum, index in
                var input = Float(pixels[sample * features + index]) / 255
                if let standardization = outcome.standardization {
                    input = (input - standardization.means[index]) * standardization.scales[index]
                }
                let difference = Double(input) - output(sample, index)
                return sum + difference * difference
            }
        }
    }

    /// Inputs above outputs.
    func picture(_ samples: [Int]) -> PagePicture {
        let channels = images.channels == 3 ? 3 : 1
        func drawn(_ pixels: [UInt8]) -> DecodedImage {
            let image = DecodedImage(
                pixels: pixels, height: images.height, width: images.width, channels: images.channels)
            let size = SpriteSheet.size(height: image.height, width: image.width)
            return (image.channels == channels ? image : image.firstChannel).resized(
                height: size.height, width: size.width)
        }
        let inputs = samples.map { drawn(images.image($0)) }
        let outputs = samples.map { sample in
            drawn(
                (0..<features).map { index in
                    var value = output(sample, index)
                    if let standardization = outcome.standardization {
                        value = value / Double(standardization.scales[index]) + Double(standardization.means[index])
                    }
                    guard value.isFinite else { return 0 }
                    return UInt8(min(max(value, 0), 1) * 255 + 0.5)
                })
        }
        return SpriteSheet(inputs + outputs, columns: samples.count).picture
    }
}

/// Points along their first two principal components.
package struct LatentPlane: Sendable {
    package let points: [(x: Double, y: Double)]
    /// Shares of the variance.
    package let explained: [Double]

    private static let featureLimit = 256

    /// - Parameter values: `[count, features]`. Nil of fewer than two features, of too many, or of values that are not finite.
    package init?(_ values: [Float], features: Int) {
        guard features >= 2, features <= Self.featureLimit, !values.isEmpty, values.allSatisfy(\.isFinite) else {
            return nil
        }
        let count = values.count / features
        var mean = [Double](repeating: 0, count: features)
        for row in 0..<count { for i in 0..<features { mean[i] += Double(values[row * features + i]) } }
        mean = mean.map { $0 / Double(count) }
        var covariance = [Double](repeating: 0, count: features * features)
        covariance.withUnsafeMutableBufferPointer { covariance in
            var centred = mean
            for row in 0..<count {
                for i in 0..<features { centred[i] = Double(values[row * features + i]) - mean[i] }
                for i in 0..<features {
                    for j in 0..<features { covariance[i * features + j] += centred[i] * centred[j] }
                }
            }
        }
        let eigen = SymmetricEigen(covariance.map { $0 / Double(count) }, size: features)
        let total = eigen.values.reduce(0, +)
        guard total > 0 else { return nil }
        explained = eigen.values.prefix(2).map { max($0, 0) / total }
        points = (0..<count).map { row in
            let along = (0..<2).map { component in
                (0..<features).reduce(0.0) {
                    $0 + (Double(values[row * features + $1]) - mean[$1]) * eigen.vectors[component * features + $1]
                }
            }
            return (along[0], along[1])
        }
    }
}
