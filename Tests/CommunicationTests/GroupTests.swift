import Communication
import CommunicationProbe
import Errors
import Testing

@Suite(.timeLimit(.minutes(2)))
struct GroupTests {
    @Test(arguments: [(1, 1), (1, 4), (2, 1), (4, 2), (5, 2), (8, 3), (3, 3), (3, 8)])
    func everyWorkerIsInOneGroupOfNeighbours(workers: Int, size: Int) {
        let plan = GroupPlan(workerCount: workers, groupSize: size)
        let members = (0..<plan.groupCount).flatMap { group in plan.workers(of: group).map { ($0, group) } }
        #expect(members.map(\.0) == Array(0..<workers))
        #expect(members.allSatisfy { plan.group(of: $0.0) == $0.1 })
        #expect((0..<plan.groupCount - 1).allSatisfy { plan.workers(of: $0).count == min(size, workers) })
    }

    @Test(arguments: [(1, 1), (2, 1), (4, 2), (5, 2), (8, 3), (3, 3)])
    func groupsMeetByThemselves(workers: Int, size: Int) throws {
        let plan = GroupPlan(workerCount: workers, groupSize: size)
        try withWorkers(workers == 1 ? .solo : .threads(workers)) { communicator in
            try GroupExercise.meet(communicator, plan)
        }
    }

    /// What a group agrees on concerns nobody else; a failure of one worker ends all.
    @Test func failuresOfAGroup() throws {
        let plan = GroupPlan(workerCount: 4, groupSize: 2)
        let results = try withWorkers(.threads(4)) { communicator in
            let rank = communicator.rank
            let isAgreed = try communicator.inGroup(of: plan) { group in
                do {
                    try group.agree { if rank == 1 { throw Failure(.data, "a bad trial") } }
                    return false
                } catch let failure as Failure where group.hasAgreed(on: failure) {
                    return true
                }
            }
            try communicator.barrier()
            return isAgreed
        }
        #expect(results == [true, true, false, false])
        #expect(throws: Failure(.internal, "rank 3 on \(try hosts()): broken")) {
            try withWorkers(.threads(4)) { communicator in
                let rank = communicator.rank
                try communicator.inGroup(of: plan) { group in
                    if rank == 3 { throw Failure(.internal, "broken") }
                    try group.barrier()
                }
                try communicator.barrier()
            }
        }
    }

    private func hosts() throws -> String {
        try withWorkers(.solo) { communicator in communicator.hostName }[0]
    }

    @Test(arguments: [1, 2, 5, 8]) func requestsAreServed(size: Int) throws {
        try withWorkers(size == 1 ? .solo : .threads(size)) { communicator in
            try GroupExercise.converse(communicator, count: 200)
        }
    }
}
