import KernelContract
import Testing

@Test("a kernel's workspace begins with a huge page and is zero")
func workspaceBegins() {
    let workspace = KernelWorkspace()
    #expect(UInt(bitPattern: workspace.base) % (2 << 20) == 0)
    #expect((0..<KernelWorkspace.floatCount).allSatisfy { workspace.base[$0] == 0 })
    workspace.base[KernelWorkspace.floatCount - 1] = 1
}
