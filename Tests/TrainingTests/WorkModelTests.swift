import KernelContract
import Testing
import Training

struct WorkModelTests {
    /// Workers whose samples take `times`, with equal slices that take `slices`, all in the same unit; `exchange` between hosts.
    private static func model(
        _ times: [Double], slices: [Double]? = nil, hosts: [Range<Int>]? = nil, exchange: Double = 0,
        samples: Int = 256, sendsSubtrees: Bool = true
    ) -> WorkModel {
        let workers = times.indices.map {
            WorkerSpeed(
                secondsPerSample: times[$0], sliceSeconds: (slices ?? times.map { $0 * 0.01 })[$0],
                share: 1 / Double(times.count), exchangeSeconds: exchange, batchSeconds: 0)
        }
        return WorkModel(
            GrainPartition(sampleCount: samples, grainSize: 8), workers: workers, hosts: hosts ?? [0..<times.count],
            sendsSubtrees: sendsSubtrees)
    }

    private static func grains(_ choice: WorkModel.Choice, of count: Int) -> [Int] {
        choice.division.grains.runs(grainCount: count).map(\.count)
    }

    @Test func aSlowWorkerGetsLess() {
        let choice = Self.model([1, 2]).best()
        #expect(Self.grains(choice, of: 32) == [21, 11] || Self.grains(choice, of: 32) == [22, 10])
        #expect(abs(choice.gain - 16.0 * 2 / 22) < 0.03)
        #expect(abs(choice.division.shares[0] / choice.division.shares[1] - 2) < 1e-12)
    }

    /// What is not worth it: nearly equal workers, and batches with fewer grains than workers.
    @Test func theEvenDivisionStays() {
        #expect(Self.model([1, 1.03, 0.98]).best().division == .even(3))
        #expect(Self.model([1, 5, 9], samples: 16).best().division == .even(3))
        #expect(Self.model([1, 1], slices: [1, 1]).best().gain == 1)
    }

    /// Owners' work alone may be uneven.
    @Test func slicesAreBalancedBySpeed() {
        let choice = Self.model([1, 1], slices: [100, 300]).best()
        #expect(
            Self.grains(choice, of: 32) == [16, 16]
                && abs(choice.division.shares[0] / choice.division.shares[1] - 3) < 1e-12)
    }

    /// Of 32 grains 21 are three subtrees and 11 two more, each of them sent; 24 and 8 are two and one.
    @Test func hostsDoNotSendMoreThanTheyGain() {
        func best(_ exchange: Double, hosts: [Range<Int>]) -> [Int] {
            Self.grains(Self.model([1, 2], hosts: hosts, exchange: exchange).best(), of: 32)
        }
        let apart = [0..<1, 1..<2]
        #expect(best(1, hosts: apart) == [22, 10] || best(1, hosts: apart) == [21, 11])
        #expect(best(100, hosts: apart) == [24, 8])
        #expect(best(10_000, hosts: apart) == [16, 16])
        // Within a host nothing is sent.
        #expect(best(10_000, hosts: [0..<2]) != [16, 16])
    }

    @Test func noDivisionIsWorseThanTheEvenOne() {
        for exchange in [0, 3, 30, 300.0] {
            for times in [[1, 1, 2, 2], [1, 3, 1, 1], [4, 1, 1, 2.0]] {
                for hosts in [[0..<4], [0..<2, 2..<4], [0..<1, 1..<4], [0..<1, 1..<2, 2..<3, 3..<4]] {
                    let model = Self.model(times, hosts: hosts, exchange: exchange)
                    let choice = model.best()
                    let even = model.seconds(.even(4))
                    #expect(model.seconds(choice.division) <= even)
                    #expect(choice.division == .even(4) || choice.gain >= WorkModel.leastGain)
                    #expect(abs(choice.gain - even / model.seconds(choice.division)) < 1e-9)
                }
            }
        }
    }

    @Test(arguments: [
        ("3,1,2", [3, 1, 2], 0), ("1", [1], 0), ("0.5,1@40", [0.5, 1], 40), ("1e3,2", [1_000, 2], 0),
    ])
    func forcedDivisionsAreRead(text: String, speeds: [Double], afterStep: Int) throws {
        let forced = try #require(ForcedDivision(text))
        #expect(forced.speeds == speeds && forced.afterStep == afterStep)
    }

    @Test(arguments: [
        "", ",", "1,", "0,1", "-1,1", "nan,1", "inf,1", "1e9,1", "a", "1;2", "1,2@", "1,2@0", "1,2@-3", "1,2@x",
        "1@2@3",
    ])
    func othersAreNot(text: String) { #expect(ForcedDivision(text) == nil) }
}
