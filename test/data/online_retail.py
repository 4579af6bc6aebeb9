#!/usr/bin/env python3
"""What the events and reports of Online Retail have to be, computed from the CSV alone.

    online_retail.py FILE.csv.xz FOLDER

Writes FOLDER/events.csv, FOLDER/retail_by_day.csv and so on: the rows in the order of their keys,
numbers without trailing zeros, NULL as nothing. Fails where the data is not as it is described.
"""
import csv
import lzma
import sys
from collections import Counter, defaultdict
from decimal import Decimal


class Invoice:
    def __init__(self):
        self.customers, self.countries, self.minutes = set(), set(), set()
        self.lines, self.value = 0, Decimal(0)


class Product:
    def __init__(self):
        self.descriptions, self.orders = Counter(), set()
        self.lines, self.sold, self.returned, self.net = 0, 0, 0, Decimal(0)


def plain(number):
    text = format(number, 'f')
    if '.' in text:
        text = text.rstrip('0').rstrip('.')
    return '0' if text in ('', '-0') else text


def kind(number):
    return {'C': 'cancelled', 'A': 'adjusted'}.get(number[0], 'paid')


def read(path):
    invoices, products = defaultdict(Invoice), defaultdict(Product)
    with lzma.open(path, 'rt', encoding='utf-8', newline='') as file:
        for row in csv.DictReader(file):
            number, quantity = row['InvoiceNo'], int(row['Quantity'])
            value = quantity * Decimal(row['UnitPrice'])
            invoice = invoices[number]
            customer = row['CustomerID']
            invoice.customers.add(str(int(Decimal(customer))) if customer else '')
            invoice.countries.add(row['Country'])
            invoice.minutes.add(row['InvoiceDate'])
            invoice.lines += 1
            invoice.value += value
            product = products[row['StockCode']]
            if row['Description']:
                product.descriptions[row['Description']] += 1
            product.lines += 1
            product.net += value
            if kind(number) == 'paid':
                product.orders.add(number)
                product.sold += quantity
            elif kind(number) == 'cancelled':
                product.returned -= quantity
    return invoices, products


def write(folder, name, rows):
    with open(f'{folder}/{name}.csv', 'w', encoding='utf-8', newline='') as file:
        for row in sorted(rows, key=lambda row: row[0].encode()):
            csv.writer(file, lineterminator='\n').writerow(row)


def grouped(invoices, key):
    groups = defaultdict(list)
    for number, invoice in invoices.items():
        name = key(invoice)
        if name:
            groups[name].append((kind(number), invoice))
    return groups.items()


def count(group, what):
    return sum(1 for name, _ in group if name == what)


def money(group, *what):
    return plain(sum((i.value for name, i in group if not what or name in what), Decimal(0)))


def lines(group, *what):
    return sum(i.lines for name, i in group if not what or name in what)


def customers(group):
    return len(set().union(*(i.customers for _, i in group)) - {''})


def main(path, folder):
    invoices, products = read(path)

    assert all(len(i.customers) == len(i.countries) == len({m[:10] for m in i.minutes}) == 1
               for i in invoices.values()), 'an invoice with two customers, countries or days'
    assert sum(len(i.minutes) == 2 for i in invoices.values()) == 43, 'invoices with two minutes'

    write(folder, 'events', (
        [number, 'order_' + kind(number), min(i.minutes), min(i.customers), min(i.countries), i.lines,
         plain(i.value)]
        for number, i in invoices.items()))
    write(folder, 'retail_by_day', (
        [day, count(g, 'paid'), count(g, 'cancelled'), count(g, 'adjusted'), customers(g), lines(g),
         lines(g, 'cancelled'), money(g, 'paid'), money(g)]
        for day, g in grouped(invoices, lambda i: min(i.minutes)[:10])))
    write(folder, 'retail_by_product', (
        [code, min(p.descriptions, key=lambda d: (-p.descriptions[d], d.encode()), default=''),
         len(p.orders), p.lines, p.sold, p.returned, plain(p.net)]
        for code, p in products.items()))
    write(folder, 'retail_by_customer', (
        [customer, count(g, 'paid'), count(g, 'cancelled'), lines(g), min(min(i.minutes) for _, i in g),
         max(min(i.minutes) for _, i in g), money(g, 'paid'), money(g)]
        for customer, g in grouped(invoices, lambda i: min(i.customers))))
    write(folder, 'retail_by_country', (
        [country, count(g, 'paid'), count(g, 'cancelled'), count(g, 'adjusted'), customers(g), lines(g),
         money(g, 'paid'), money(g)]
        for country, g in grouped(invoices, lambda i: min(i.countries))))


if __name__ == '__main__':
    main(*sys.argv[1:])
