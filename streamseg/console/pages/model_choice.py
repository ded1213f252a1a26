"""How many segments there should be: the advice on k, computed only for who asks."""

from streamseg.console.charts import model_charts
from streamseg.console.pages.view import Cell, Parameters, Part, Reader, Table
from streamseg.console.reads.facts import Facts
from streamseg.console.reads.kept import StillReadingError
from streamseg.service.k_selection import KAdvice


async def advice_on_k(facts: Facts, reader: Reader, segmentation: str, given: Parameters) -> Part:
    """Return the advice with its table and chart; `advice` is None for who does not ask."""
    if not given.get("advice"):
        return Part({"advice": None})
    try:
        advice = await facts.learning.advice(segmentation)
    except StillReadingError:
        return Part({"advice": {"state": "computing"}})
    if advice is None:
        return Part({"advice": {"state": "too_few"}})
    t, setting = reader.texts, facts.learning.segments_wanted[segmentation]
    table = Table(
        t("model.k_table"),
        [t(f"table.{one}") for one in ("k", "davies_bouldin", "inertia")],
        [
            (
                Cell(one.k, str(one.k)),
                Cell(round(one.davies_bouldin, 4), t.number(one.davies_bouldin, 3), numeric=True),
                Cell(round(one.inertia, 1), t.number(one.inertia), numeric=True),
            )
            for one in advice.tried
        ],
    )
    values = [{"k": one.k, "index": round(one.davies_bouldin, 4), "text": _named(advice, one.k, setting, reader)}
              for one in advice.tried]  # fmt: skip
    chart = model_charts.choice_of_k(
        t("model.k"), t("model.k_of", count=advice.customers), values, (t("table.k"), t("table.davies_bouldin"))
    )
    said = t("model.k_said", index=advice.by_davies_bouldin, elbow=advice.by_elbow, setting=setting)
    return Part({"advice": {"state": "there", "said": said}}, {"k": table}, {"k": chart})


def _named(advice: KAdvice, k: int, setting: int, reader: Reader) -> str:
    named = (("index", advice.by_davies_bouldin), ("elbow", advice.by_elbow), ("setting", setting))
    return ", ".join(reader.texts(f"model.k_{name}") for name, at in named if at == k)
