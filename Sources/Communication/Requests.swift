import Errors
import Foundation

/// Messages between one thread of worker 0's process, which serves, and the workers that ask it, beside all collectives:
/// nobody has to come at the same time. Messages of a worker arrive in their order.
///
/// Within a process they go through memory; between ranks as messages of MPI, which the server looks for every two milliseconds.
package final class RequestServer: @unchecked Sendable {
    package struct Request: Sendable {
        package let worker: Int
        package let bytes: [UInt8]
    }

    fileprivate let desk: RequestDesk
    /// How long the server sleeps between two looks.
    private static let interval = 0.002

    fileprivate init(desk: RequestDesk) { self.desk = desk }

    /// The next request; nil when none has come after `seconds`. For one thread.
    package func next(waiting seconds: Double) throws -> Request? {
        let end = Date(timeIntervalSinceNow: seconds)
        while true {
            if let request = desk.takeRequest() { return request }
            #if MPI
                if let request = try receive() { return request }
                let wake = desk.messages == nil ? end : min(end, Date(timeIntervalSinceNow: Self.interval))
            #else
                let wake = end
            #endif
            if wake.timeIntervalSinceNow <= 0 { return nil }
            desk.waitForRequest(until: wake)
        }
    }

    package func reply(_ bytes: [UInt8], to worker: Int) throws {
        #if MPI
            if worker != 0, let messages = desk.messages { return try messages.send(bytes, to: worker) }
        #endif
        desk.putReply(bytes, to: worker)
    }

    #if MPI
        private func receive() throws -> Request? {
            guard let messages = desk.messages, let waiting = try messages.probe(source: nil) else { return nil }
            return Request(
                worker: waiting.source,
                bytes: try messages.receive(byteCount: waiting.byteCount, from: waiting.source))
        }
    #endif
}

/// A worker's end: sends requests, and waits for replies.
package struct RequestClient {
    private let desk: RequestDesk
    private let worker: Int

    fileprivate init(desk: RequestDesk, worker: Int) {
        self.desk = desk
        self.worker = worker
    }

    package func send(_ bytes: [UInt8]) throws {
        #if MPI
            if worker != 0, let messages = desk.messages { return try messages.send(bytes, to: 0) }
        #endif
        desk.putRequest(RequestServer.Request(worker: worker, bytes: bytes))
    }

    /// The server's next reply to this worker; its processor is free while it waits.
    package func receive() throws -> [UInt8] {
        #if MPI
            if worker != 0, let messages = desk.messages {
                // A reply that is ready comes at once.
                var pause: UInt32 = 20
                while true {
                    if let waiting = try messages.probe(source: 0) {
                        return try messages.receive(byteCount: waiting.byteCount, from: 0)
                    }
                    usleep(pause)
                    pause = min(pause * 2, 1_000)
                }
            }
        #endif
        return desk.takeReply(worker)
    }
}

@available(*, unavailable) extension RequestClient: Sendable {}

extension Communicator {
    /// Collective. The server exists in worker 0's process, for a thread of worker 0's choice.
    ///
    /// - Throws: `Failure(.internal)` where the MPI library lets only one thread call it.
    package func openRequests() throws -> (client: RequestClient, server: RequestServer?) {
        let desk = try endpoint.makeDesk()
        return (RequestClient(desk: desk, worker: rank), rank == 0 ? RequestServer(desk: desk) : nil)
    }
}

extension Endpoint {
    fileprivate func makeDesk() throws -> RequestDesk {
        switch transport {
        case .alone: return RequestDesk()
        case .threads:
            // Worker 0 makes it and each other takes a reference of its own.
            let own = rank == 0 ? RequestDesk() : nil
            if let own {
                let reference = Unmanaged.passUnretained(own)
                for _ in 1..<size { _ = reference.retain() }
            }
            let address = try allGather(
                value: own.map { UInt(bitPattern: Unmanaged.passUnretained($0).toOpaque()) } ?? 0)[0]
            return own
                ?? Unmanaged<RequestDesk>.fromOpaque(UnsafeRawPointer(bitPattern: address)!).takeRetainedValue()
        #if MPI
            case .ranks(let world, _):
                try agree {
                    guard MPI.threadSupport == .serialized else {
                        throw Failure(
                            .internal,
                            "this MPI library lets one thread only call it (no MPI_THREAD_SERIALIZED): use another one, "
                                + "or one rank")
                    }
                }
                // A communicator of its own, so that no message is taken for another.
                return RequestDesk(messages: try world.split(color: 0))
        #endif
        }
    }
}

/// Where requests and replies lie.
private final class RequestDesk: @unchecked Sendable {
    #if MPI
        /// Between ranks; nil where all workers are threads.
        let messages: MPI.Communicator?
    #endif
    private let condition = NSCondition()
    private var requests: [RequestServer.Request] = []
    private var replies: [(worker: Int, bytes: [UInt8])] = []

    #if MPI
        init(messages: MPI.Communicator? = nil) { self.messages = messages }
    #endif

    func putRequest(_ request: RequestServer.Request) {
        condition.withLock {
            requests.append(request)
            condition.broadcast()
        }
    }

    func takeRequest() -> RequestServer.Request? {
        condition.withLock { requests.isEmpty ? nil : requests.removeFirst() }
    }

    func waitForRequest(until end: Date) {
        condition.withLock { if requests.isEmpty { _ = condition.wait(until: end) } }
    }

    func putReply(_ bytes: [UInt8], to worker: Int) {
        condition.withLock {
            replies.append((worker, bytes))
            condition.broadcast()
        }
    }

    func takeReply(_ worker: Int) -> [UInt8] {
        condition.withLock {
            while true {
                if let index = replies.firstIndex(where: { $0.worker == worker }) {
                    return replies.remove(at: index).bytes
                }
                condition.wait()
            }
        }
    }
}
