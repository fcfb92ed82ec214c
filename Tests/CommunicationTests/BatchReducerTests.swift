import Communication
import CommunicationProbe
import Kernels
import Testing

/// Under mpirun: `RankTests`.
@Suite(.timeLimit(.minutes(2)))
struct BatchReducerTests {
    @Test(arguments: 1...5) func equalsTheScalarTree(size: Int) throws {
        for kernels in KernelSelection.available {
            _ = try withWorkers(size == 1 ? .solo : .threads(size)) { communicator in
                try ReferenceBatchSums.run(communicator, kernels: kernels)
            }
        }
    }
}
