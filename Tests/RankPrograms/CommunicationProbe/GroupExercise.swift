import Communication
import Errors
import Foundation

/// What groups and requests must do, for threads and ranks alike.
package enum GroupExercise {
    /// Each group goes through another number of rounds, between collectives of all.
    package static func meet(_ communicator: borrowing Communicator, _ plan: GroupPlan) throws {
        let rank = communicator.rank
        let members = plan.workers(of: plan.group(of: rank))
        for _ in 0..<3 {
            _ = try communicator.allGather(rank)
            try communicator.inGroup(of: plan) { group in
                guard group.rank == rank - members.lowerBound, group.size == members.count else {
                    throw Failure(.internal, "worker \(rank) is \(group.rank) of \(group.size)")
                }
                for round in 0..<(plan.group(of: rank) * 20 + 1) {
                    guard try group.allGather(rank * 1_000 + round) == members.map({ $0 * 1_000 + round }) else {
                        throw Failure(.internal, "worker \(rank) has met others in round \(round)")
                    }
                    try share(group, members)
                }
            }
        }
    }

    /// Each writes into common memory, and all read it, where there is any.
    private static func share(_ group: borrowing Communicator, _ members: Range<Int>) throws {
        let memory = try SharedMemory(group, sharedByteCount: 8, privateByteCount: 8)
        memory.segment(of: group.rank).storeBytes(of: members.lowerBound + group.rank, as: Int.self)
        try group.barrier()
        for other in 0..<group.size where memory.isShared || other == group.rank {
            guard memory.segment(of: other).load(as: Int.self) == members.lowerBound + other else {
                throw Failure(.internal, "another group's memory")
            }
        }
        try group.barrier()
    }

    /// All ask at once, `count` times; each gets its own replies in their order.
    package static func converse(_ communicator: borrowing Communicator, count: Int) throws {
        let (client, server) = try communicator.openRequests()
        let echo = server.map { Echo($0, requestCount: count * communicator.size) }
        for number in 0..<count {
            let own = Array(repeating: UInt8(number % 251), count: number % 7 * 1_000 + 1)
            try client.send(own)
            guard try client.receive() == [UInt8(communicator.rank)] + own else {
                throw Failure(.internal, "worker \(communicator.rank): a reply to somebody else")
            }
        }
        echo?.wait()
        try communicator.barrier()
    }
}

/// Serves requests on a thread of its own: each comes back with its worker in front.
private final class Echo: @unchecked Sendable {
    private let isDone = DispatchSemaphore(value: 0)

    init(_ server: RequestServer, requestCount: Int) {
        Thread { [self] in
            var count = 0
            while count < requestCount {
                guard let request = try? server.next(waiting: 0.05) else { continue }
                try? server.reply([UInt8(request.worker)] + request.bytes, to: request.worker)
                count += 1
            }
            isDone.signal()
        }.start()
    }

    func wait() { isDone.wait() }
}
