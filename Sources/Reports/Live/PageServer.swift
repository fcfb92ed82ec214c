import Errors
import FlyingFox
import FlyingSocks
import Foundation
import Glibc

/// Shows a page to browsers as long as its folders change.
///
/// A page is made when a browser asks for one, and the browser asks again when the folders' files have other times or sizes:
/// where nobody looks, nothing is done.
package final class PageServer: Sendable {
    private let page: LivePage
    private let token: String

    /// - Parameter token: Only who knows it is answered.
    package init(_ page: LivePage, token: String) { (self.page, self.token) = (page, token) }

    /// 128 bits of the system's randomness, in hexadecimal.
    package static func makeToken() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<2).map { _ in
            let digits = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// Answers until the task is cancelled.
    ///
    /// - Parameters:
    ///   - port: 0 for any that is free.
    ///   - started: Is told the port.
    /// - Throws: `Failure(.outputRefused)` where the address cannot be had.
    package func run(host: String, port: UInt16, started: @Sendable (UInt16) -> Void) async throws {
        guard let address = try? sockaddr_in.inet(ip4: host, port: port) else {
            throw Failure(.usage, "--host \(host): an IPv4 address is needed, such as 127.0.0.1")
        }
        let server = HTTPServer(
            address: address, logger: .disabled,
            handler: ClosureHTTPHandler { [self] request in answer(request) })
        let work = Task { try await server.run() }
        do {
            try await withTaskCancellationHandler {
                try await server.waitUntilListening()
                if case .ip4(_, let port) = await server.listeningAddress { started(port) }
                try await work.value
            } onCancel: {
                work.cancel()
            }
        } catch {
            // What the server says is nearer to the cause than that it does not listen.
            var cause: any Error = error
            if !Task.isCancelled {
                work.cancel()
                do { try await work.value } catch let own where !(own is CancellationError) { cause = own } catch {}
            }
            guard !Task.isCancelled else { return }
            guard case SocketError.failed(_, let code, let message) = cause else { throw cause }
            let advice =
                code == EADDRINUSE
                ? "is in use by another program; choose another --port, or 0 for any that is free"
                : "cannot be had: \(message)"
            throw Failure(.outputRefused, "\(host), port \(port): \(advice)")
        }
    }

    private func answer(_ request: HTTPRequest) -> HTTPResponse {
        ServerPriority.giveWay()
        let given = request.query.first { $0.name == "token" }?.value ?? ""
        guard Self.isEqual(given, token) else {
            return Self.response(.forbidden, "The address lacks the token that `lockstep serve` printed.\n")
        }
        guard request.method == .GET || request.method == .HEAD else {
            return Self.response(.methodNotAllowed, "Only GET.\n")
        }
        switch request.path {
        case "/version": return Self.response(.ok, page.version())
        case "/":
            do { return Self.response(.ok, try page.html(), type: "text/html; charset=utf-8") } catch {
                return Self.response(.internalServerError, "\(Failure(wrapping: error).message)\n")
            }
        default: return Self.response(.notFound, "There is one page: /\n")
        }
    }

    private static func response(
        _ status: HTTPStatusCode, _ text: String, type: String = "text/plain; charset=utf-8"
    ) -> HTTPResponse {
        HTTPResponse(
            statusCode: status,
            headers: [
                .contentType: type, HTTPHeader("Cache-Control"): "no-store",
                HTTPHeader("X-Content-Type-Options"): "nosniff", HTTPHeader("Referrer-Policy"): "no-referrer",
            ], body: Data(text.utf8))
    }

    /// In a time that does not tell how much is right.
    private static func isEqual(_ a: String, _ b: String) -> Bool {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
