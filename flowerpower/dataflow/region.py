"""The part of a module that runs while it is imported: what it binds, and what it touches.

Bodies of functions are not part of it, nor is what stands under `if TYPE_CHECKING:` or `if __name__ == "__main__":`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

Definition = ast.FunctionDef | ast.AsyncFunctionDef
_BLOCKS: Mapping[type[ast.AST], str] = {
    ast.If: "`if`",
    ast.Try: "`try`",
    ast.TryStar: "`try`",
    ast.For: "`for`",
    ast.While: "`while`",
    ast.With: "`with`",
    ast.Match: "`match`",
}
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Binding(NamedTuple):
    """A name that gets a value; `block` is the compound statement around it, empty at the top of the module."""

    node: ast.AST
    dotted: str = ""  # of an import
    block: str = ""

    @property
    def is_function(self) -> bool:
        """Whether the value is a function defined here."""
        return isinstance(self.node, Definition)


Decorated = tuple[str, ast.expr]
"""The name of a function, and one of its decorators."""


class Region(NamedTuple):
    """What was found in a module, each in the order it runs."""

    bindings: dict[str, list[Binding]]
    nodes: list[ast.AST]
    imports: list[ast.Import | ast.ImportFrom]


def region_of(tree: ast.Module) -> Region:
    """Return the part of *tree* that runs when the module is imported."""
    visitor = _Visitor()
    for statement in tree.body:
        visitor.visit(statement)
    return Region(visitor.bindings, visitor.nodes, visitor.imports)


def root_name(node: ast.expr) -> str:
    """Return `a` for `a.b[0].c(...)`, or nothing when it does not start with a name."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def decorators_of(region: Region) -> Iterator[Decorated]:
    """Yield every decorator of the functions at the top of the module."""
    for name, bindings in region.bindings.items():
        for binding in bindings:
            if isinstance(binding.node, Definition):
                yield from ((name, decorator) for decorator in binding.node.decorator_list)


def calls_own(region: Region) -> bool:
    """Tell whether a function or class of the module runs with the import."""
    used = {root_name(node.func) for node in region.nodes if isinstance(node, ast.Call)}
    used |= {root_name(decorator) for _, decorator in decorators_of(region)}
    return any(is_local(found) for name in used for found in region.bindings.get(name, ()))


def is_local(binding: Binding) -> bool:
    """Tell whether a name is a function or a class of the module."""
    return isinstance(binding.node, Definition | ast.ClassDef)


class _Visitor(ast.NodeVisitor):
    """Collects a region; `inner` is true where names are not the module's."""

    def __init__(self) -> None:
        self.bindings: dict[str, list[Binding]] = {}
        self.nodes: list[ast.AST] = []
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.block = ""
        self.inner = False

    def generic_visit(self, node: ast.AST) -> None:
        self.nodes.append(node)
        before = self.block, self.inner
        self.block = self.block or _BLOCKS.get(type(node), "")
        self.inner = self.inner or isinstance(node, _COMPREHENSIONS)
        super().generic_visit(node)
        self.block, self.inner = before

    def visit_FunctionDef(self, node: Definition) -> None:
        self._bind(node.name, node)
        self._visit_all([*node.args.defaults, *(default for default in node.args.kw_defaults if default)])

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815  so are these

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.nodes.append(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._bind(node.name, node)
        self.nodes.append(node)
        self._visit_all([*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)])
        before, self.inner = self.inner, True
        self._visit_all(node.body)
        self.inner = before

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.nodes.append(node)
            self._visit_all([node.target, node.value])

    def visit_Import(self, node: ast.Import) -> None:
        self.imports.append(node)
        for alias in node.names:
            top = alias.name.partition(".")[0]
            self._bind(alias.asname or top, node, alias.name if alias.asname else top)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.imports.append(node)
        for alias in node.names:
            dotted = f"{'.' * node.level}{node.module or ''}.{alias.name}"
            self._bind(alias.asname or alias.name, node, dotted)

    def visit_Constant(self, node: ast.Constant) -> None:
        self.nodes.append(node)

    def visit_Name(self, node: ast.Name) -> None:
        self.nodes.append(node)
        if not isinstance(node.ctx, ast.Load):
            self._bind(node.id, node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._bind(node.name, node)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        if _never_holds(node.test, self.bindings):
            self._visit_all(node.orelse)
        else:
            self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.nodes.append(node)
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self._bind(node.targets[0].id, node)
            self.visit(node.value)
        else:
            self._visit_all([node.value, *node.targets])

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.name:
            self._bind(node.name, node)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self._bind(node.name, node)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self._bind(node.rest, node)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.bindings.setdefault(node.target.id, []).append(Binding(node, block="`:=`"))  # also from a comprehension
        self.generic_visit(node)

    def _bind(self, name: str, node: ast.AST, dotted: str = "") -> None:
        if not self.inner:
            self.bindings.setdefault(name, []).append(Binding(node, dotted, self.block))

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)


def _never_holds(test: ast.expr, bindings: Mapping[str, Sequence[Binding]]) -> bool:
    """Tell whether a condition is surely false, with what the names before it are bound to."""
    match test:
        case ast.Name(id="TYPE_CHECKING"):
            return all(_is_false_at_run_time(binding) for binding in bindings.get("TYPE_CHECKING", ()))
        case ast.Attribute(value=ast.Name(id="typing"), attr="TYPE_CHECKING"):
            return all(binding.dotted == "typing" for binding in bindings.get("typing", ()))
        case ast.Constant(value=False):
            return True
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            sides = [side for side in (left, right) if not isinstance(side, ast.Constant)]
            words = [side.value for side in (left, right) if isinstance(side, ast.Constant)]
            return words == ["__main__"] and isinstance(sides[0], ast.Name) and sides[0].id == "__name__"
    return False


def _is_false_at_run_time(binding: Binding) -> bool:
    """Tell whether a name is bound to typing's switch, or to False, as code did before there was one."""
    match binding.node:
        case ast.Assign(value=ast.Constant(value=False)):
            return True
    return binding.dotted.endswith(".TYPE_CHECKING")
