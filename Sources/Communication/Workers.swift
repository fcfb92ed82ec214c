import CMachine
import Errors

/// Runs `body` once on every worker of `plan` and returns the results of this process's workers in rank order: all of
/// them for threads, its own for a rank.
///
/// When workers throw, this throws one `Failure` in every process. `onFailure` is called with it before, on one worker
/// of the job: by rank 0 when all agreed, otherwise by whichever worker comes first (rank 0 may be the one that is gone).
/// Ranks that cannot share memory and fail without `agree` each call it for their own failure, and the launcher ends
/// the ranks that still wait. `watch` ends ranks that would wait for one that gives no sign of life.
@discardableResult
package func withWorkers<T: Sendable>(
    _ plan: WorkerPlan, watch: RankWatch? = nil, onFailure: (Failure) -> Void = { _ in },
    body: @escaping @Sendable (borrowing Communicator) throws -> T
) throws(Failure) -> [T] {
    switch plan {
    case .solo:
        let worker = Endpoint.solo()
        do throws(Failure) { return [try worker.run(body)] } catch {
            onFailure(error)
            throw error
        }
    case .threads(let count):
        precondition(count >= 1, "withWorkers: \(count) threads")
        do throws(Failure) { return try ThreadTeam<T>(size: count).run(body) } catch {
            onFailure(error)
            throw error
        }
    case .mpi:
        #if MPI
            return [try runRank(watch: watch, onFailure: onFailure, body)]
        #else
            throw Failure(.usage, "this program was built without MPI: use --workers N")
        #endif
    }
}

extension Endpoint {
    /// Runs `body` as this worker. A failure that it met alone is published, so that nobody waits for it for ever.
    func run<T>(_ body: (borrowing Communicator) throws -> T) throws(Failure) -> T {
        lockstep_set_default_float_environment()
        do {
            return try body(Communicator(self))
        } catch {
            let failure = Failure(wrapping: error)
            if failure == agreedFailure || failure == controlBlock?.failure { throw failure }
            let placed = size == 1 || failure == placedFailure ? failure : located(failure, rank: rank)
            poison(placed)
            throw controlBlock?.failure ?? placed
        }
    }
}
