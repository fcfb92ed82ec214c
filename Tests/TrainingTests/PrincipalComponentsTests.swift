import DataLoading
import KernelContract
import Kernels
import Testing
import Training

@Suite("Principal components")
struct PrincipalComponentsTests {
    private static let features = 24

    private static func images(_ count: Int, _ pixel: (Int, Int) -> UInt8) throws -> LabelledImages {
        let pixels = (0..<count).flatMap { image in (0..<features).map { pixel(image, $0) } }
        return LabelledImages(
            pixels: try ByteBuffer(pixels), labels: [UInt8](repeating: 0, count: count), height: 4, width: 6,
            channels: 1,
            classCount: 1)
    }

    /// More than two blocks of 256, the last short.
    private static func noise(_ count: Int, _ seed: Int) throws -> LabelledImages {
        try images(count) { UInt8(truncatingIfNeeded: (($0 + seed) * 7_919 + $1 * ($1 + $0) * 31) % (60 + 8 * $1)) }
    }

    private static func all(_ images: LabelledImages) -> [Int32] { (0..<Int32(images.count)).map { $0 } }

    /// Mean, projection and difference, written out; the components come from `SymmetricEigen` of a plain covariance.
    private static func expected(_ train: LabelledImages, _ test: LabelledImages, components: Int) -> Double {
        func rows(_ images: LabelledImages) -> [[Double]] {
            (0..<images.count).map { images.image($0).map { Double($0) / 255 } }
        }
        let x = rows(train)
        let mean = (0..<features).map { j in x.reduce(0) { $0 + $1[j] } / Double(x.count) }
        let covariance = (0..<features * features).map { index in
            x.reduce(0.0) {
                $0 + ($1[index / features] - mean[index / features]) * ($1[index % features] - mean[index % features])
            } / Double(x.count)
        }
        let eigen = SymmetricEigen(covariance, size: features)
        let sum = rows(test).reduce(0.0) { sum, row in
            var rest = zip(row, mean).map { $0 - $1 }
            for k in 0..<components {
                let v = eigen.vectors[k * features..<(k + 1) * features].map { $0 }
                let length = zip(rest, v).reduce(0) { $0 + $1.0 * $1.1 }
                rest = zip(rest, v).map { $0 - length * $1 }
            }
            return sum + rest.reduce(0) { $0 + $1 * $1 }
        }
        return sum / Double(test.count * features)
    }

    @Test("projections, written out")
    func projections() throws {
        let (train, test) = (try Self.noise(600, 0), try Self.noise(90, 1_000))
        let analysis = PrincipalComponents(train, indices: Self.all(train), kernels: ReferenceKernels())
        let counts = [0, 1, 2, 5, 12, 23, 24]
        let losses = analysis.reconstructionLosses(of: test, components: counts, kernels: ReferenceKernels())
        for (count, loss) in zip(counts, losses) {
            let expected = Self.expected(train, test, components: count)
            #expect(abs(loss - expected) < 1e-12, "\(count) components: \(loss), \(expected)")
        }
        #expect(zip(losses, losses.dropFirst()).allSatisfy { $0 >= $1 } && losses[0] > 0.01 && losses[6] < 1e-14)
    }

    /// What the components do not hold of the training set itself is the sum of the other variances.
    @Test("residual and held variance are the whole")
    func whole() throws {
        let train = try Self.noise(300, 5)
        let analysis = PrincipalComponents(train, indices: Self.all(train), kernels: ReferenceKernels())
        let losses = analysis.reconstructionLosses(of: train, components: Array(0...24), kernels: ReferenceKernels())
        for count in 0...24 {
            let rest = analysis.variances[count...].reduce(0, +) / Double(Self.features)
            #expect(abs(losses[count] - rest) < 1e-14, "\(count) components")
            #expect(abs(analysis.explainedVariance(components: count) - (1 - rest / losses[0])) < 1e-12)
        }
    }

    @Test("images on a line need one component")
    func line() throws {
        let line = try Self.images(40) { UInt8(10 + $0 * ($1 % 5)) }
        let analysis = PrincipalComponents(line, indices: Self.all(line), kernels: ReferenceKernels())
        let losses = analysis.reconstructionLosses(of: line, components: [0, 1], kernels: ReferenceKernels())
        #expect(losses[0] > 0.001 && losses[1] < 1e-15)
    }

    @Test("the same bits with every instruction set", arguments: KernelSelection.available.map(\.instructionSet))
    func sameBits(instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        let (train, test) = (try Self.noise(600, 0), try Self.noise(90, 1_000))
        let indices = Self.all(train).filter { $0 % 3 != 0 }
        func losses(_ kernels: any KernelSet) -> [Double] {
            PrincipalComponents(train, indices: indices, kernels: kernels)
                .reconstructionLosses(of: test, components: [1, 4, 20], kernels: kernels)
        }
        #expect(losses(kernels) == losses(ReferenceKernels()))
    }
}
