"""The shop generated from a seed: its database tables and landing files at the end of the last day."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from demo.accounts import Accounts, account_links_table, draw_accounts, typed_phones
from demo.care import manual_tag_files, questionnaire_files
from demo.draw import Ints, Rng, Span
from demo.festivals import deposits_table
from demo.landing import behaviour_files, campaign_files
from demo.money import (
    Coupons,
    consultations_table,
    coupons_table,
    draw_coupons,
    draw_refunds,
    payments_table,
    refunds_table,
)
from demo.orders import Lines, Orders, draw_orders, order_lines_table
from demo.people import People, draw_people, referrals_table, users_table
from demo.products import Products, draw_products


@dataclass(frozen=True)
class Shop:
    """`tables` by name, as the shop's reporting database holds them; `files` by path, before compression."""

    tables: Mapping[str, pa.Table]
    files: Mapping[str, bytes]

    def checksum(self) -> str:
        """SHA-256 over every value of every table and every byte of every file."""
        digest = hashlib.sha256()
        for name, table in sorted(self.tables.items()):
            digest.update(f"{name}\n{table.schema}\n".encode())
            for column in table.itercolumns():
                digest.update("\x1f".join(map(str, column.to_pylist())).encode())
        for path, content in sorted(self.files.items()):
            digest.update(f"{path}\n".encode() + content)
        return digest.hexdigest()


@dataclass(frozen=True)
class Drawn:
    """The events of a shop, from which its tables and files are generated; amounts in fen."""

    streams: list[Rng]
    people: People
    accounts: Accounts
    products: Products
    orders: Orders
    lines: Lines
    coupons: Coupons
    paid: Ints


def draw_shop(seed: int, users: int, span: Span) -> Drawn:
    # One random stream per part: a change to one part does not affect the others.
    streams = [np.random.default_rng(part) for part in np.random.SeedSequence(seed).spawn(17)]
    people = draw_people(streams[0], users, span)
    accounts = draw_accounts(streams[13], people, span)
    products = draw_products(streams[1])
    orders, lines = draw_orders(streams[2], people, products, span)
    coupons = draw_coupons(streams[3], people, orders, span)
    paid = orders.total - coupons.rebate(len(orders))
    return Drawn(streams, people, accounts, products, orders, lines, coupons, paid)


def generate(seed: int, users: int, first_day: date, days: int) -> Shop:
    """The shop of `users` users over `days` days from `first_day`; the same arguments give the same shop.

    Users registered in the five years before. Orders before `first_day` are on the last day of their month.
    Needs 500 users and 7 days, so that every kind of row occurs.
    """
    if users < 500 or days < 7:
        raise ValueError("a shop has at least 500 users and 7 days")
    span = Span(first_day, days)
    drawn = draw_shop(seed, users, span)
    streams, people, products, orders = drawn.streams, drawn.people, drawn.products, drawn.orders
    accounts, lines, coupons, paid = drawn.accounts, drawn.lines, drawn.coupons, drawn.paid
    refunds = draw_refunds(streams[4], orders, paid, span)
    tables = {
        "users": users_table(streams[5], people, typed_phones(streams[14], accounts.phones), span),
        "order_lines": order_lines_table(streams[6], people, products, orders, lines, span),
        "payments": payments_table(streams[7], people, orders, paid, refunds, span),
        "refunds": refunds_table(streams[8], people, orders, refunds, span),
        "referrals": referrals_table(streams[9], people, span),
        "consultations": consultations_table(streams[10], people, span),
        "coupons": coupons_table(streams[11], people, orders, coupons, span),
        "deposits": deposits_table(streams[15], people, orders, span),
        "account_links": account_links_table(streams[16], people, accounts, span),
    }
    landing = streams[12].spawn(4)
    files = {
        **behaviour_files(landing[0], people, products, span),
        **questionnaire_files(landing[1], people, span),
        **manual_tag_files(landing[2], people, span),
        **campaign_files(landing[3], people, span),
    }
    return Shop(tables, files)
