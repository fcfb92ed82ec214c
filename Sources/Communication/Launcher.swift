import Errors

/// How many workers a run has and what they are.
package enum WorkerPlan: Hashable, Sendable {
    case solo
    /// Threads of this process.
    case threads(Int)
    /// The ranks that a launcher started.
    case mpi
}

/// What a launcher such as mpirun told this process through its environment, before MPI starts.
package struct LaunchEnvironment: Hashable, Sendable {
    /// The variable that gave the launcher away; nil when the program was started by itself.
    package let variable: String?
    /// 0 without a launcher. Only rank 0 should print usage errors.
    package let rank: Int
    /// The number of ranks; nil when the launcher does not say.
    package let size: Int?

    package init(variable: String?, rank: Int, size: Int?) {
        self.variable = variable
        self.rank = rank
        self.size = size
    }

    package var isLaunched: Bool { variable != nil }
}

package enum Launcher {
    /// Whether this program was built with MPI.
    package static var supportsMPI: Bool {
        #if MPI
            true
        #else
            false
        #endif
    }

    /// Reads the variables that Open MPI's mpirun, PMIx launchers (srun, prun) and PMI launchers (Hydra) set.
    package static func detect(environment: [String: String]) -> LaunchEnvironment {
        func number(_ names: String...) -> Int? {
            names.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first { $0 >= 0 }
        }
        let variable = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"].first { environment[$0] != nil }
        guard let variable else { return LaunchEnvironment(variable: nil, rank: 0, size: 1) }
        return LaunchEnvironment(
            variable: variable, rank: number("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK") ?? 0,
            size: number("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"))
    }
}

extension LaunchEnvironment {
    /// Threads of one process.
    private static var greatestWorkerCount: Int { 256 }

    /// Decides who works. `workers` is what the user asked for (`--workers`), nil when nothing.
    package func plan(
        workers: Int?, defaultWorkers: Int, supportsMPI: Bool = Launcher.supportsMPI
    ) throws(Failure) -> WorkerPlan {
        if let workers, workers < 1 {
            throw Failure(.usage, "--workers \(workers): at least one worker is needed")
        }
        if let workers, workers > Self.greatestWorkerCount {
            throw Failure(
                .usage,
                "--workers \(workers): at most \(Self.greatestWorkerCount) threads; more only wait for each other")
        }
        guard let variable else {
            let count = workers ?? min(max(defaultWorkers, 1), Self.greatestWorkerCount)
            return count == 1 ? .solo : .threads(count)
        }
        if let workers {
            throw Failure(
                .usage,
                "--workers \(workers) under a launcher (\(variable) is set): each rank is one worker; "
                    + "leave --workers out, or start the program without mpirun")
        }
        if supportsMPI { return .mpi }
        if size == 1 { return .solo }
        let ranks = size.map { "\($0) ranks" } ?? "several ranks"
        throw Failure(
            .usage,
            "started by a launcher with \(ranks) (\(variable) is set), but this program was built without MPI: "
                + "install libopenmpi-dev and build with the trait MPI (swift build --traits MPI), "
                + "or start it without mpirun and use --workers N")
    }
}
