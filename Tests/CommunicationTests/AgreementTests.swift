import Communication
import Errors
import Testing

private struct ForeignError: Error, CustomStringConvertible {
    var description: String { "foreign words" }
}

@Suite(.timeLimit(.minutes(2)))
struct AgreementTests {
    @Test(arguments: [1, 2, 5]) func successReturnsEachWorkersValue(size: Int) throws {
        let values = try withWorkers(size == 1 ? .solo : .threads(size)) { communicator in
            try communicator.agree { communicator.rank + 10 }
        }
        #expect(values == (0..<size).map { $0 + 10 })
    }

    /// The lowest failing rank speaks, for all, once.
    @Test(arguments: [(2, 0), (2, 1), (5, 3), (8, 7)]) func oneFailureIsThrownByAll(size: Int, failing: Int) throws {
        let caught = try withWorkers(.threads(size)) { communicator in
            do {
                try communicator.agree {
                    if communicator.rank >= failing { throw Failure(.data, "file \(communicator.rank) is bad") }
                }
                return Failure(.internal, "did not throw")
            } catch { return try #require(error as? Failure) }
        }
        for failure in caught {
            #expect(failure.kind == .data)
            // When rank 0 fails with others, all failures differ by their text, so the place is named too.
            #expect(
                failure.message.hasPrefix("rank \(failing) on ")
                    && failure.message.hasSuffix(": file \(failing) is bad"))
        }
        #expect(Set(caught.map(\.message)).count == 1)
    }

    @Test(arguments: [1, 3]) func aCommonFailureHasNoPlace(size: Int) {
        var reported: [Failure] = []
        let expected = Failure(.inputNotFound, "no such file")
        #expect(throws: expected) {
            try withWorkers(size == 1 ? .solo : .threads(size), onFailure: { reported.append($0) }) { communicator in
                try communicator.agree { throw expected }
            }
        }
        #expect(reported == [expected])
    }

    @Test func otherErrorsBecomeInternalFailures() {
        #expect(throws: Failure(.internal, "foreign words")) {
            try withWorkers(.threads(2)) { communicator in try communicator.agree { throw ForeignError() } }
        }
        #expect(throws: Failure(.internal, "foreign words")) {
            try withWorkers(.solo) { _ in throw ForeignError() }
        }
    }

    /// Agreement inside an agreement keeps the inner failure as it is.
    @Test func nestedAgreementNamesThePlaceOnce() {
        #expect {
            try withWorkers(.threads(3)) { communicator in
                try communicator.agree {
                    try communicator.agree { if communicator.rank == 1 { throw Failure(.data, "bad") } }
                }
            }
        } throws: { error in
            let message = (error as? Failure)?.message ?? ""
            return message.hasPrefix("rank 1 on ") && message.split(separator: "rank").count == 1
        }
    }

    /// After an agreed failure the workers are in step and can go on.
    @Test func workersGoOnAfterAnAgreedFailure() throws {
        let sums = try withWorkers(.threads(4)) { communicator in
            do {
                try communicator.agree { if communicator.rank == 2 { throw Failure(.data, "bad") } }
                return 0
            } catch { return try communicator.allGather(communicator.rank).reduce(0, +) }
        }
        #expect(sums == [6, 6, 6, 6])
    }

    /// One worker fails alone while the others wait in each kind of collective: all come back with its failure.
    @Test(arguments: [2, 3, 8], ["barrier", "allGather", "agree", "broadcast"])
    func aWorkerThatFailsAloneFreesTheOthers(size: Int, place: String) {
        var reported: [Failure] = []
        #expect {
            try withWorkers(.threads(size), onFailure: { reported.append($0) }) { communicator in
                for round in 0..<100 {
                    if communicator.rank == size - 1 && round == 50 { throw Failure(.notFinite, "loss is NaN") }
                    switch place {
                    case "barrier": try communicator.barrier()
                    case "allGather": _ = try communicator.allGather(round)
                    case "agree": try communicator.agree {}
                    default: _ = try communicator.broadcast(round, root: 0)
                    }
                }
            }
        } throws: { error in
            let failure = error as? Failure
            return failure?.kind == .notFinite
                && failure?.message.hasPrefix("rank \(size - 1) on ") == true
                && failure?.message.hasSuffix(": loss is NaN") == true
        }
        #expect(reported.count == 1)
    }
}
