import Errors

extension Endpoint {
    /// Runs `body` on every worker. When it fails on any, all workers throw one and the same failure.
    func agree<T>(_ body: () throws -> T) throws -> T {
        let result = Result { try body() }
        let own: Failure? =
            switch result {
            case .success: nil
            case .failure(let error): Failure(wrapping: error)
            }
        if size == 1 {
            agreedFailure = own
            return try own.map { throw $0 } ?? result.get()
        }
        // An empty report is success.
        let reports = try allGather(bytes: own.map { $0.encoded } ?? [])
        guard let rank = reports.firstIndex(where: { !$0.isEmpty }) else { return try result.get() }
        let first = Failure(decoding: reports[rank])
        let failure = reports.allSatisfy { $0 == reports[rank] } ? first : located(first, rank: rank)
        agreedFailure = failure
        throw failure
    }

    /// Runs `body` on worker 0 alone; when it fails, all workers throw its failure.
    func onRoot(_ body: () throws -> Void) throws {
        var own: Failure?
        if rank == 0 {
            do { try body() } catch { own = Failure(wrapping: error) }
        }
        let report = try Communicator(self).broadcast(bytes: own.map { $0.encoded } ?? [], root: 0)
        guard !report.isEmpty else { return }
        let failure = Failure(decoding: report)
        agreedFailure = failure
        throw failure
    }

    /// A failure of one worker, with its place in front.
    func located(_ failure: Failure, rank: Int) -> Failure {
        Failure(failure.kind, "rank \(firstRank + rank) on \(hostNames[rank]): \(failure.message)")
    }
}

extension Failure {
    /// The kind in four bytes, then the message.
    fileprivate var encoded: [UInt8] {
        withUnsafeBytes(of: kind.rawValue.littleEndian) { Array($0) } + Array(message.utf8)
    }

    fileprivate init(decoding bytes: [UInt8]) {
        let value = bytes.prefix(4).reversed().reduce(Int32(0)) { $0 << 8 | Int32($1) }
        self.init(Kind(rawValue: value) ?? .internal, String(decoding: bytes.dropFirst(4), as: UTF8.self))
    }
}
