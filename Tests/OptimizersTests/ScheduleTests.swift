import Errors
import Foundation
import Optimizers
import Testing

@Suite("Learning rates as PyTorch computes them")
struct ScheduleTests {
    /// The table of names drives the test.
    @Test(arguments: ScheduleText.names) func everyScheduleIsCompared(name: String) {
        #expect(Fixture.shared.schedules.contains { $0.name == name && $0.schedule.hasPrefix(name) })
    }

    @Test(arguments: Array(Fixture.shared.schedules.indices)) func ratesAgree(index: Int) throws {
        let expected = Fixture.shared.schedules[index]
        let stepsPerEpoch = Fixture.shared.stepsPerEpoch
        var schedule = Schedule(
            try ScheduleText.parse(expected.schedule),
            warmUp: try expected.warmUp.map { try ScheduleText.parseWarmUp($0) }, learningRate: expected.learningRate,
            stepsPerEpoch: stepsPerEpoch, totalSteps: expected.rates.count)
        for (step, rate) in expected.rates.enumerated() {
            let found = schedule.learningRate(step: step)
            // PyTorch multiplies step by step, for which 40 steps have at most some 100 roundings.
            let greatest = expected.rates.max()!
            #expect(
                abs(found - rate) <= 100 * 0x1p-53 * greatest, "\(expected.schedule), step \(step): \(found) \(rate)")
            if (step + 1) % stepsPerEpoch == 0 {
                schedule.finishEpoch(loss: Fixture.shared.losses[step / stepsPerEpoch])
            }
        }
    }

    @Test func scalingMultipliesEveryRate() throws {
        for text in ["constant", "cosine 0.01", "one-cycle 0.5 0.3 25 100", "step 1 0.5"] {
            let description = try ScheduleText.parse(text)
            func rates(_ scale: Double) -> [Double] {
                let schedule = Schedule(
                    description, learningRate: 0.5, scale: scale, stepsPerEpoch: 4, totalSteps: 16)
                return (0..<16).map { schedule.learningRate(step: $0) }
            }
            #expect(rates(4) == rates(1).map { 4 * $0 })
        }
    }

    /// A resumed run needs the step and this state, no more.
    @Test func plateauStateIsAllThatIsRemembered() throws {
        let description = try ScheduleText.parse("plateau 0.5 1")
        var whole = Schedule(description, learningRate: 1, stepsPerEpoch: 5, totalSteps: 40)
        for (epoch, loss) in Fixture.shared.losses.enumerated() {
            var resumed = Schedule(description, learningRate: 1, stepsPerEpoch: 5, totalSteps: 40)
            // The state's text cannot hold an infinite best loss before the first epoch.
            if epoch > 0 {
                let data = try JSONEncoder().encode(whole.plateau)
                resumed.plateau = try JSONDecoder().decode(PlateauState.self, from: data)
            }
            whole.finishEpoch(loss: loss)
            resumed.finishEpoch(loss: loss)
            #expect(resumed.plateau == whole.plateau)
            #expect(resumed.learningRate(step: epoch * 5 + 5) == whole.learningRate(step: epoch * 5 + 5))
        }
        #expect(whole.plateau.factor < 1)
    }

    @Test(arguments: Fixture.shared.schedules.map(\.schedule)) func textIsReadBack(text: String) throws {
        let description = try ScheduleText.parse(text)
        #expect(try ScheduleText.parse(ScheduleText.text(of: description)) == description)
    }

    @Test(arguments: [
        ("500steps", WarmUp.steps(500)), ("500 steps", .steps(500)), ("2epochs", .epochs(2)), ("1 epoch", .epochs(1)),
    ])
    func warmUps(text: String, expected: WarmUp) throws {
        #expect(try ScheduleText.parseWarmUp(text) == expected)
        #expect(try ScheduleText.parseWarmUp(ScheduleText.text(of: expected)) == expected)
    }

    @Test(arguments: [
        ("", "a name is missing"), ("cosin", "unknown \"cosin\" at column 1; did you mean \"cosine\"?"),
        ("step", "missing at column 5"), ("step 0", "\"0\" at column 6"), ("step 2 1.5", "\"1.5\" at column 8"),
        ("exponential", "\"exponential\" needs a gamma at column 12"), ("exponential nan", "\"nan\" at column 13"),
        ("cosine 0.1 3", "unexpected \"3\" at column 12"), ("one-cycle -1", "\"-1\" at column 11"),
        ("plateau 1", "\"1\" at column 9"), ("plateau 0.1 2.5", "\"2.5\" at column 13"),
        ("constant 1", "unexpected \"1\" at column 10"),
    ])
    func wrongWordsAreNamed(text: String, fragment: String) {
        let failure = #expect(throws: Failure.self) { try ScheduleText.parse(text) }
        #expect(failure?.kind == .usage)
        #expect(failure?.message.contains(fragment) == true, "\(failure?.message ?? "")")
    }

    @Test(arguments: ["", "steps", "0steps", "5", "5 parsecs", "5steps 3", "-5steps", "1.5epochs"])
    func wrongWarmUps(text: String) {
        let failure = #expect(throws: Failure.self) { try ScheduleText.parseWarmUp(text) }
        #expect(failure?.kind == .usage && failure?.message.hasPrefix("warmup \"") == true)
    }
}
