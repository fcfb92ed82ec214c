import DataLoading
import KernelContract
import Tensors

/// Principal components of images: the linear baseline of auto-encoders. Pixels count from 0 to 1.
///
/// Sums over samples are exact integers, since products of bytes and their sums fit: the result depends on the data alone.
package struct PrincipalComponents: Sendable {
    /// Above this, eigenvectors take more than a few seconds.
    package static let quickFeatureCount = 1_024

    private let mean: [Double]
    private let eigen: SymmetricEigen
    private var features: Int { mean.count }

    /// Of the images at `indices`, of which there is at least one.
    package init(_ images: LabelledImages, indices: [Int32], kernels: any KernelSet) {
        precondition(!indices.isEmpty, "PrincipalComponents: no image")
        let features = images.pixelsPerImage
        let sums = ByteMoments(images, indices: indices, kernels: kernels)
        let count = Double(indices.count)
        var covariance = sums.products
        for i in 0..<features {
            for j in 0..<features {
                // Exact up to 372,000 images: count² · 255² < 2⁵³.
                let scatter = count * sums.products[i * features + j] - sums.values[i] * sums.values[j]
                covariance[i * features + j] = scatter / (count * count * 65_025)
            }
        }
        mean = sums.values.map { $0 / count }
        eigen = SymmetricEigen(covariance, size: features)
    }

    /// The variance along each component, descending.
    package var variances: [Double] { eigen.values }

    /// The share of the variance that the first `count` components hold.
    package func explainedVariance(components count: Int) -> Double {
        let total = variances.reduce(0, +)
        return total > 0 ? variances[..<count].reduce(0, +) / total : 1
    }

    /// For each number of components: the mean over all samples and pixels of the squared difference between `images` and
    /// their projections.
    package func reconstructionLosses(
        of images: LabelledImages, components counts: [Int], kernels: any KernelSet
    ) -> [Double] {
        precondition(images.pixelsPerImage == features, "PrincipalComponents: \(images.pixelsPerImage) pixels")
        precondition(
            counts.allSatisfy { 0...features ~= $0 }, "PrincipalComponents: \(counts) of \(features) components")
        let indices = (0..<Int32(images.count)).map { $0 }
        var scatter = ByteMoments(images, indices: indices, kernels: kernels)
        scatter.center(at: mean)
        // The residual is what all directions hold without what the components hold: vᵀ S v for each.
        var rest = (0..<features).reduce(0.0) { $0 + scatter.products[$1 * features + $1] }
        var residuals = [rest]
        for component in 0..<(counts.max() ?? 0) {
            rest -= scatter.held(by: eigen.vectors[component * features..<(component + 1) * features])
            residuals.append(max(rest, 0))
        }
        let scale = Double(images.count) * Double(features) * 65_025
        return counts.map { residuals[$0] / scale }
    }
}

/// Σ x and Σ x xᵀ over images, in units of a byte.
private struct ByteMoments {
    let count: Double
    /// `[features]`
    let values: [Double]
    /// `[features, features]`
    var products: [Double]

    /// Images of a matrix product: 256 · 255² < 2²⁴, so that a chain in Float is exact.
    private static let blockCount = 256

    init(_ images: LabelledImages, indices: [Int32], kernels: any KernelSet) {
        let features = images.pixelsPerImage
        var values = [Double](repeating: 0, count: features)
        var products = [Double](repeating: 0, count: features * features)
        let rows = AlignedBuffer<Float>(count: Self.blockCount * features)
        let block = AlignedBuffer<Float>(count: features * features)
        let workspace = KernelWorkspace()
        for first in stride(from: 0, to: indices.count, by: Self.blockCount) {
            let samples = indices[first..<min(first + Self.blockCount, indices.count)]
            images.pixels.withBytes { pixels in
                for (row, sample) in samples.enumerated() {
                    let bytes = pixels.baseAddress! + Int(sample) * features
                    let destination = rows.base + row * features
                    for i in 0..<features { destination[i] = Float(bytes[i]) }
                    values.withUnsafeMutableBufferPointer { values in
                        for i in 0..<features { values[i] += Double(bytes[i]) }
                    }
                }
            }
            kernels.multiply(
                MatrixProduct(
                    .tn, m: features, n: features, k: samples.count, a: rows.base, aStride: features, b: rows.base,
                    bStride: features, c: block.base, cStride: features), workspace: workspace.base)
            products.withUnsafeMutableBufferPointer { products in
                for i in 0..<features * features { products[i] += Double(block.base[i]) }
            }
        }
        count = Double(indices.count)
        self.values = values
        self.products = products
    }

    /// `Σ (x − mean) (x − mean)ᵀ = Σ x xᵀ − mean (Σ x)ᵀ − (Σ x) meanᵀ + count · mean meanᵀ`
    mutating func center(at mean: [Double]) {
        let features = mean.count
        for i in 0..<features {
            for j in 0..<features {
                products[i * features + j] +=
                    count * (mean[i] * mean[j]) - (mean[i] * values[j] + values[i] * mean[j])
            }
        }
    }

    /// `vᵀ (Σ x xᵀ) v`
    func held(by vector: ArraySlice<Double>) -> Double {
        let features = vector.count
        return vector.withUnsafeBufferPointer { v in
            products.withUnsafeBufferPointer { products in
                (0..<features).reduce(0.0) { sum, i in
                    var dot = 0.0
                    for j in 0..<features { dot += products[i * features + j] * v[j] }
                    return sum + v[i] * dot
                }
            }
        }
    }
}
