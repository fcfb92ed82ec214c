import Communication
import Errors
import Testing

private let sizes = [1, 2, 3, 4, 5, 8, 11]

private func plan(_ size: Int) -> WorkerPlan { size == 1 ? .solo : .threads(size) }

@Suite(.timeLimit(.minutes(2)))
struct CommunicatorTests {
    @Test(arguments: sizes) func allGatherKeepsRankOrder(size: Int) throws {
        let results = try withWorkers(plan(size)) { communicator in
            let values = try communicator.allGather(communicator.rank * 7 + 1)
            let bytes = try communicator.allGather(
                bytes: Array(repeating: UInt8(communicator.rank), count: communicator.rank % 3))
            return (values, bytes)
        }
        #expect(results.count == size)
        for (values, bytes) in results {
            #expect(values == (0..<size).map { $0 * 7 + 1 })
            #expect(bytes == (0..<size).map { Array(repeating: UInt8($0), count: $0 % 3) })
        }
    }

    @Test(arguments: sizes) func broadcastGivesTheRootsValue(size: Int) throws {
        for root in 0..<size {
            let results = try withWorkers(plan(size)) { communicator in
                let rank = communicator.rank
                let text = try communicator.broadcast(bytes: Array(repeating: UInt8(rank), count: 3 * rank), root: root)
                return (text, try communicator.broadcast(Float(rank), root: root))
            }
            for (text, value) in results {
                #expect(text == Array(repeating: UInt8(root), count: 3 * root))
                #expect(value == Float(root))
            }
        }
    }

    @Test(arguments: sizes) func workersKnowWhoTheyAre(size: Int) throws {
        let results = try withWorkers(plan(size)) { communicator in
            let sharesMemory = communicator.sharesMemory && communicator.whyNoSharedMemory == nil
            let (names, name, kind) = (communicator.hostNames, communicator.hostName, communicator.kind)
            let hostCount = communicator.hostCount
            #expect(sharesMemory && hostCount == 1)
            #expect(names == Array(repeating: name, count: size) && !name.isEmpty)
            #expect(kind == (size == 1 ? .solo : .threads))
            return [communicator.rank, communicator.size]
        }
        #expect(results == (0..<size).map { [$0, size] })
    }

    /// Memory written before a barrier is seen after it, by plain loads, many times over.
    @Test(arguments: [(2, 20_000), (3, 3_000), (8, 500)])
    func barrierOrdersPlainMemory(size: Int, rounds: Int) throws {
        let mismatches = try withWorkers(.threads(size)) { communicator in
            let memory = try SharedMemory(communicator, sharedByteCount: 64, privateByteCount: 64)
            let counters = (0..<size).map { memory.segment(of: $0).assumingMemoryBound(to: Int.self) }
            var mismatches = 0
            for round in 1...rounds {
                counters[communicator.rank].pointee = round
                try communicator.barrier()
                for counter in counters where counter.pointee != round { mismatches += 1 }
                try communicator.barrier()
            }
            return mismatches
        }
        #expect(mismatches == Array(repeating: 0, count: size))
    }

    @Test(arguments: sizes) func sharedSegmentsAreApartAlignedAndZero(size: Int) throws {
        try withWorkers(plan(size)) { communicator in
            for round in 0..<3 {
                let memory = try SharedMemory(
                    communicator, sharedByteCount: 100 + communicator.rank, privateByteCount: 1)
                let isShared = memory.isShared
                #expect(isShared)
                let own = memory.segment(of: communicator.rank)
                #expect(UInt(bitPattern: own) % 64 == 0)
                #expect((0..<100 + communicator.rank).allSatisfy { own.load(fromByteOffset: $0, as: UInt8.self) == 0 })
                try communicator.barrier()
                own.initializeMemory(
                    as: UInt8.self, repeating: UInt8(communicator.rank + round), count: 100 + communicator.rank)
                try communicator.barrier()
                for other in 0..<size {
                    let segment = memory.segment(of: other)
                    #expect(segment.load(as: UInt8.self) == UInt8(other + round))
                    #expect(segment.load(fromByteOffset: 99 + other, as: UInt8.self) == UInt8(other + round))
                }
                try communicator.barrier()
            }
        }
    }
}
