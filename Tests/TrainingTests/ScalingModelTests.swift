import Testing
import Training

struct ScalingModelTests {
    private static func model(grains: Int = 8) -> ScalingModel {
        ScalingModel(
            grainCount: grains, grainSize: 8, parameters: 1_000_000,
            compute: [(1, 100.0), (2, 180), (4, 350), (8, 700)].map { .init(grains: $0, microseconds: $1) },
            update: 80, memory: CostLine(latency: 2, perByte: 1e-4), link: CostLine(latency: 50, perByte: 8e-3),
            perMessage: 5, spread: 0)
    }

    @Test func oneWorkerComputesAndUpdates() {
        let step = Self.model().predict(hosts: [1])
        #expect(step.microseconds == 780 && step.plainMicroseconds == 780 && step.samples == 64)
    }

    /// Each part by hand.
    @Test func twoHostsOfTwo() {
        let step = Self.model().predict(hosts: [2, 2])
        #expect(step.compute == 180 && step.update == 20 && step.stragglers == 0)
        #expect(step.memory == 402)
        // Half of the gradient and half of the parameters, in two messages.
        #expect(step.hostPayloadBytes == 4e6)
        #expect(step.link == 32_100)
        // A ring: its latency 2 · 3 · 5 + 2 · 50, and all of the gradient.
        let plain: Double = 180 + 80 + 402 + 130 + 32_000
        #expect(step.plainMicroseconds == plain)
    }

    /// A half of the gradient is written when 100 µs of 180 are left, a quarter at 20.
    @Test func whatBackwardHides() {
        var model = Self.model()
        model.early = [.init(share: 0.5, computeLeft: 100.0 / 180), .init(share: 0.25, computeLeft: 20.0 / 180)]
        // The link is slower: it has 100 µs more.
        let slow = model.predict(hosts: [2, 2])
        #expect(abs(slow.overlapped - 100) < 1e-9 && abs(slow.link - 32_000) < 1e-9)
        // All three quarters of 40 µs are through when backward ends: 20 + 10.
        model.link.perByte = 2e-5
        let fast = model.predict(hosts: [2, 2])
        #expect(abs(fast.overlapped - 30) < 1e-9)
        // Of 400 µs the first half takes 200, the last two quarters 100 each.
        model.link.perByte = 2e-4
        #expect(abs(model.predict(hosts: [2, 2]).overlapped - 100) < 1e-9)
        #expect(model.predict(hosts: [4]).overlapped == 0)
    }

    @Test func grainsBetweenAndBeyondThoseMeasured() {
        let model = Self.model()
        #expect(model.computeMicroseconds(3) == 265 && model.computeMicroseconds(16) == 1_400)
        var single = model
        single.compute = [.init(grains: 2, microseconds: 50)]
        #expect(single.computeMicroseconds(6) == 150)
    }

    /// 3, 3 and 2 of 8 grains are two subtrees, two and one.
    @Test func hostsThatAreNoSubtreeSendMore() {
        let bytes = ScalingModel.payload(hosts: [1, 1, 1], grainCount: 8, parameterBytes: 3_000)
        #expect(abs(bytes.gradient - 2 * 2_000) < 1e-9 && abs(bytes.parameters - 2 * 1_000) < 1e-9)
    }

    /// More workers than grains wait for those that have one.
    @Test func aGrainIsTheLeast() {
        let few = Self.model().predict(hosts: [Int](repeating: 1, count: 64))
        #expect(few.compute == 100)
        #expect(Self.model().predict(hosts: [1], grainCount: 16).samples == 128)
    }

    /// Means of the largest of n normal values (Harter 1961); Blom's formula errs by 0.03 at n = 2 and less for more.
    @Test(arguments: [(2, 0.56419, 0.03), (10, 1.53875, 0.01), (100, 2.50759, 0.01), (1_000, 3.24144, 0.02)])
    func theLargestOfMany(count: Int, mean: Double, error: Double) {
        #expect(abs(ScalingModel.expectedMaximum(count) - mean) < error)
        #expect(ScalingModel.expectedMaximum(1) == 0)
    }

    @Test func linesAreFound() {
        let points = [1e3, 1e5, 1e7].map { (bytes: $0, microseconds: 20 + 0.004 * $0) }
        let line = CostLine(fitting: points)
        #expect(abs(line.latency - 20) < 1e-9 && abs(line.perByte - 0.004) < 1e-12)
        let known = CostLine(latency: 20, fitting: points)
        #expect(abs(known.perByte - 0.004) < 1e-12)
        // Nothing takes less than no time.
        let falling = CostLine(fitting: [(1, 10), (1_000, 5)])
        #expect(falling.perByte == 0 && falling.latency > 5 && falling.latency < 10)
        #expect(CostLine(fitting: [(1, 1), (2, 10)]).latency == 0)
    }
}
