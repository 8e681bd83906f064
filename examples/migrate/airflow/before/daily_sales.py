"""A DAG as many are: three steps a night, retried, one at a time, no catch-up."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import dag, task


@dag(
    schedule="30 5 * * 1-5",
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Berlin"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5), "owner": "team-sales"},
    tags=["sales"],
)
def daily_sales():
    @task
    def orders(ds: str) -> list[float]:
        return [10.5, 2.25]

    @task
    def total(orders: list[float]) -> float:
        return sum(orders)

    @task
    def report(total: float, ds: str) -> str:
        return f"{ds}: {total}"

    day = "{{ ds }}"
    report(total(orders(day)), day)


daily_sales()
