import Communication
import Errors
import Testing

struct RankWatchTests {
    @Test(
        arguments: [
            ([:], 60), (["LOCKSTEP_TIMEOUT": "2"], 2), (["LOCKSTEP_TIMEOUT": "7.5"], 7.5),
            (["LOCKSTEP_TIMEOUT": "never"], nil),
        ] as [([String: String], Double?)])
    func timeouts(environment: [String: String], expected: Double?) throws {
        #expect(try RankWatch.timeout(environment: environment) == expected)
    }

    @Test(arguments: ["", "1", "0", "-5", "nan", "inf", "86401", "60s", "Never"])
    func refuses(text: String) {
        #expect {
            try RankWatch.timeout(environment: ["LOCKSTEP_TIMEOUT": text])
        } throws: { error in
            let failure = error as? Failure
            return failure?.kind == .usage && failure?.message.hasPrefix("LOCKSTEP_TIMEOUT=\(text): ") == true
        }
    }

    /// What a counter says of three peers, the last two on one host, that are heard at given seconds; a time-out of 5 s.
    struct Silence: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// By peer.
        let heard: [ClosedRange<Int>?]
        /// Seconds of the clock at which the own process stands still.
        var stop: Range<Int> = 0..<0
        let expected: (second: Int, lost: [Int])?
    }

    @Test(arguments: [
        Silence(testDescription: "all are heard", heard: [0...40, 0...40, 0...40], expected: nil),
        Silence(testDescription: "one falls silent", heard: [0...40, 0...10, 0...40], expected: (15, [1])),
        Silence(
            testDescription: "a host, one peer a second later", heard: [0...40, 0...10, 0...11], expected: (15, [1, 2])),
        Silence(testDescription: "two, much later", heard: [0...20, 0...10, 0...40], expected: (15, [1])),
        Silence(testDescription: "nobody was ever heard", heard: [nil, nil, nil], expected: nil),
        Silence(
            testDescription: "one was never heard, nor another of its host", heard: [nil, 0...40, 0...40], expected: nil
        ),
        Silence(
            testDescription: "one was never heard, another of its host was", heard: [0...40, nil, 0...40],
            expected: (5, [1])),
        Silence(
            testDescription: "all stand still for long", heard: [0...40, 0...40, 0...40], stop: 10..<35, expected: nil),
        Silence(
            testDescription: "one is gone after the own stop", heard: [0...40, 0...9, 0...40], stop: 10..<20,
            expected: (23, [1])),
    ])
    func silence(_ one: Silence) {
        var counter = SilenceCounter(hosts: [0, 1, 1], interval: 1, timeout: 5, now: -1)
        for second in 0...40 where !one.stop.contains(second) {
            for peer in 0..<3 where one.heard[peer]?.contains(second) == true { counter.heard(peer) }
            let lost = counter.tick(now: Double(second))
            guard lost.isEmpty else {
                #expect(one.expected?.second == second && one.expected?.lost == lost, "\(lost) after \(second) s")
                return
            }
        }
        #expect(one.expected == nil)
    }

    private static let ranks = [
        Peer(rank: 0, process: 70, hostName: "alpha"), Peer(rank: 1, process: 71, hostName: "alpha"),
        Peer(rank: 2, process: 80, hostName: "beta"), Peer(rank: 3, process: 81, hostName: "beta"),
        Peer(rank: 4, process: 90, hostName: "gamma"),
    ]

    @Test(arguments: [
        ([1], "rank 1 (process 71) on alpha gives no sign of life for 60 s: it is stopped or gone"),
        (
            [2, 3],
            "beta gives no sign of life for 60 s (rank 2, process 80; rank 3, process 81): cut off, stopped or down"
        ),
        (
            [3, 4],
            "rank 3 (process 81) on beta gives no sign of life for 60 s: it is stopped or gone; gamma gives no sign of life "
                + "for 60 s (rank 4, process 90): cut off, stopped or down"
        ),
    ])
    func words(lost: [Int], expected: String) {
        let failure = RankWatch.failure(
            lost: lost.map { Self.ranks[$0] }, others: Self.ranks.filter { !lost.contains($0.rank) }, timeoutSeconds: 60
        )
        #expect(failure.kind == .internal)
        #expect(failure.message == expected + "; the job ends: start again from the last checkpoint")
    }

    @Test func manyRanksAreCounted() {
        let lost = (0..<16).map { Peer(rank: $0, process: 100 + Int32($0), hostName: "alpha") }
        let failure = RankWatch.failure(lost: lost, others: [Self.ranks[2]], timeoutSeconds: 2.5)
        #expect(
            failure.message.hasPrefix(
                "alpha gives no sign of life for 2.5 s (rank 0, process 100; rank 1, process 101; rank 2, process 102; "
                    + "13 more): "))
    }
}
