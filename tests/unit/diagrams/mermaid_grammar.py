"""A strict reader of the Mermaid that is drawn here: a small part of its grammar, and nothing beside it."""

import html
import re
from dataclasses import dataclass, field

IDENTIFIER = r"[a-z][a-z0-9]*"
# A label has no quote, no bare entity mark, no comment, and no tag but the break of a line.
LABEL = r'"(?:[^"#<>&%|\\`*~\n]|#(?:\d+|quot|lt|gt|amp);|<br/>)+"'
SHAPES = (
    (r"\[", r"\]"),
    (r"\(", r"\)"),
    (r"\{", r"\}"),
    (r"\(\[", r"\]\)"),
    (r"\{\{", r"\}\}"),
    (r"\[/", r"\\\]"),
    (r"\[\\", r"/\]"),
)
NODES = tuple(
    re.compile(rf"({IDENTIFIER}){opening}({LABEL}){closing}(?::::({IDENTIFIER}))?")
    for opening, closing in SHAPES
)
LINK = re.compile(rf"({IDENTIFIER}) (-->|==>|-\.->)(?:\|({LABEL})\|)? ({IDENTIFIER})")
BOX = re.compile(rf"subgraph ({IDENTIFIER})\[({LABEL})\]")
STYLE = re.compile(rf"classDef ({IDENTIFIER}) [a-z-]+:[#0-9a-z]+(?:,[a-z-]+:[#0-9a-z]+)*")
# What Mermaid's own reader does to entities before it looks at the grammar.
CUT_BY_STYLE = re.compile(r"(?:style|classDef).*:\S*#.*;")
KEYWORDS = {"end", "graph", "subgraph", "style", "class", "click", "default", "flowchart", "linkstyle"}


@dataclass
class Node:
    """A node: its label as a reader sees it, its class, and the boxes around it."""

    label: str
    style: str
    boxes: tuple[str, ...]


@dataclass
class Chart:
    """What was read."""

    nodes: dict[str, Node] = field(default_factory=dict)
    links: list[tuple[str, str, str, str]] = field(default_factory=list)
    boxes: dict[str, str] = field(default_factory=dict)
    styles: set[str] = field(default_factory=set)

    def labels(self) -> list[str]:
        """Every label of a node."""
        return [node.label for node in self.nodes.values()]


class MermaidSyntaxError(Exception):
    """A line that the grammar does not have."""


def parse(text: str) -> Chart:
    """Read a chart; raises MermaidSyntaxError."""
    first, *lines = text.splitlines()
    if first != "flowchart TD" or not text.endswith("\n"):
        raise MermaidSyntaxError(first)
    chart = Chart()
    open_boxes: list[str] = []
    for line in lines:
        indent = "  " * (1 + len(open_boxes) - (line.strip() == "end"))
        if not line.startswith(indent) or line[len(indent)].isspace() or CUT_BY_STYLE.search(line):
            raise MermaidSyntaxError(line)
        _read(chart, line.strip(), open_boxes)
    _check(chart, open_boxes)
    return chart


def _read(chart: Chart, line: str, open_boxes: list[str]) -> None:
    if line == "end":
        if not open_boxes:
            raise MermaidSyntaxError("an end too many")
        open_boxes.pop()
    elif box := BOX.fullmatch(line):
        _add(chart, box[1])
        chart.boxes[box[1]] = shown(box[2])
        open_boxes.append(box[1])
    elif node := next(filter(None, (shape.fullmatch(line) for shape in NODES)), None):
        _add(chart, node[1])
        chart.nodes[node[1]] = Node(shown(node[2]), node[3] or "", tuple(open_boxes))
    elif (link := LINK.fullmatch(line)) and not open_boxes:
        chart.links.append((link[1], link[2], shown(link[3] or '""'), link[4]))
    elif style := STYLE.fullmatch(line):
        chart.styles.add(style[1])
    else:
        raise MermaidSyntaxError(line)


def _add(chart: Chart, identifier: str) -> None:
    if identifier in chart.nodes or identifier in chart.boxes or identifier in KEYWORDS:
        raise MermaidSyntaxError(f"the id {identifier} is taken")


def _check(chart: Chart, open_boxes: list[str]) -> None:
    if open_boxes:
        raise MermaidSyntaxError(f"no end of {open_boxes}")
    loose = [link for link in chart.links if {link[0], link[3]} - chart.nodes.keys()]
    if loose:
        raise MermaidSyntaxError(f"links without nodes: {loose}")
    unstyled = {node.style for node in chart.nodes.values()} - chart.styles - {""}
    if unstyled:
        raise MermaidSyntaxError(f"classes without a definition: {unstyled}")


def shown(label: str) -> str:
    """A quoted label as a reader of the diagram sees it, its lines apart by a bar."""
    text = re.sub(r"#(\d+);", r"&#\1;", re.sub(r"#([a-z]+);", r"&\1;", label[1:-1].replace("<br/>", " | ")))
    return html.unescape(text)
