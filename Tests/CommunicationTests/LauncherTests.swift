import Communication
import Errors
import Testing

struct LauncherTests {
    struct Case: Sendable {
        var environment: [String: String]
        var expected: LaunchEnvironment
    }

    @Test(arguments: [
        Case(environment: [:], expected: .init(variable: nil, rank: 0, size: 1)),
        Case(
            environment: ["SLURM_STEP_NUM_TASKS": "4", "PMI_SIZE": "4"],
            expected: .init(variable: nil, rank: 0, size: 1)),
        Case(
            environment: ["OMPI_COMM_WORLD_SIZE": "3", "OMPI_COMM_WORLD_RANK": "2", "PMIX_RANK": "2"],
            expected: .init(variable: "OMPI_COMM_WORLD_SIZE", rank: 2, size: 3)),
        Case(
            environment: ["PMIX_RANK": "1", "SLURM_STEP_NUM_TASKS": "8"],
            expected: .init(variable: "PMIX_RANK", rank: 1, size: 8)),
        Case(environment: ["PMIX_RANK": "1"], expected: .init(variable: "PMIX_RANK", rank: 1, size: nil)),
        Case(
            environment: ["PMI_RANK": "5", "PMI_SIZE": "6"], expected: .init(variable: "PMI_RANK", rank: 5, size: 6)),
        Case(
            environment: ["OMPI_COMM_WORLD_SIZE": "many"],
            expected: .init(variable: "OMPI_COMM_WORLD_SIZE", rank: 0, size: nil)),
    ])
    func detects(_ one: Case) { #expect(Launcher.detect(environment: one.environment) == one.expected) }

    private static let launched = LaunchEnvironment(variable: "OMPI_COMM_WORLD_SIZE", rank: 0, size: 2)
    private static let alone = LaunchEnvironment(variable: nil, rank: 0, size: 1)

    @Test(
        arguments: [
            (alone, nil, 4, true, WorkerPlan.threads(4)), (alone, nil, 1, true, .solo), (alone, 1, 8, true, .solo),
            (alone, 3, 1, false, .threads(3)), (launched, nil, 8, true, .mpi),
            (LaunchEnvironment(variable: "PMI_RANK", rank: 0, size: 1), nil, 8, true, .mpi),
            (LaunchEnvironment(variable: "PMI_RANK", rank: 0, size: 1), nil, 8, false, .solo),
        ] as [(LaunchEnvironment, Int?, Int, Bool, WorkerPlan)])
    func plans(launch: LaunchEnvironment, workers: Int?, standard: Int, supportsMPI: Bool, expected: WorkerPlan) throws
    {
        let plan = try launch.plan(workers: workers, defaultWorkers: standard, supportsMPI: supportsMPI)
        #expect(plan == expected)
    }

    @Test(
        arguments: [
            (launched, 2, true, "leave --workers out"), (launched, nil, false, "built without MPI"),
            (LaunchEnvironment(variable: "PMIX_RANK", rank: 0, size: nil), nil, false, "several ranks"),
            (alone, 0, true, "--workers 0"), (alone, -3, true, "--workers -3"),
        ] as [(LaunchEnvironment, Int?, Bool, String)])
    func refuses(launch: LaunchEnvironment, workers: Int?, supportsMPI: Bool, words: String) {
        #expect {
            try launch.plan(workers: workers, defaultWorkers: 2, supportsMPI: supportsMPI)
        } throws: { error in
            guard let failure = error as? Failure else { return false }
            return failure.kind == .usage && failure.message.contains(words) && !failure.message.contains("\n")
        }
    }

    @Test func theProcessMayRunSomewhere() { #expect(ProcessorSet.allowed().count >= 1) }
}
